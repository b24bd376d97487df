import type { LeaseTable } from '../address/lease-table.ts'
import type { Explanation } from '../model/explanation.ts'
import type { RecognisedView } from '../model/world.ts'
import { parseEthernetUdp, type UdpFrame } from '../protocol/frame/ipv4-udp.ts'
import type { CapturedPacket } from '../protocol/pcap.ts'
import { explainMessage } from './explain-dhcp.ts'
import type { ServedNetwork } from './served-network.ts'
import { takeOffer } from './take-answer.ts'
import type { Picture } from './world.ts'

/** The ports at which clients, relays and PXE ROMs ask servers (RFC 2131 §4.1, PXE 2.1 §2.2.4). */
const SERVER_PORTS = [67, 4011]
const MICROS_PER_MS = 1000

export interface CaptureScene {
  readonly picture: Picture
  /** Offers and leases that the capture would have made go in here, as the server would note them. */
  readonly leases: LeaseTable
  /** What machines showed before the capture. */
  readonly recognised?: RecognisedView
  /** Our networks; a message that was sent to one of our addresses came in on that one, any other on the first. */
  readonly places: readonly Omit<ServedNetwork, 'interface'>[]
}

export interface ExplainedPacket extends Explanation {
  /** Its place in the file, from 1, as Wireshark counts. */
  readonly packet: number
  /** Milliseconds since 1970. */
  readonly time: number
}

/** Every question to a DHCP server of a capture in its order, each answered with what those before it left behind. */
export function* explainCapture(
  packets: readonly CapturedPacket[],
  scene: CaptureScene,
): Generator<ExplainedPacket> {
  const { picture, leases, recognised, places } = scene
  for (const [index, { bytes, timeMicros }] of packets.entries()) {
    const frame = parseEthernetUdp(bytes)
    if (!frame.ok || !SERVER_PORTS.includes(frame.value.destinationPort)) continue
    const place = placeOf(frame.value, places)
    if (place === undefined) continue
    const time = Math.floor(timeMicros / MICROS_PER_MS)
    const { source, sourcePort, destinationPort: port, payload } = frame.value
    const sender = { sourceAddress: source, sourcePort, ...(port === 67 ? {} : { port }) }
    const thinking = { picture, leases, ...(recognised === undefined ? {} : { recognised }), now: () => time }
    const { explanation, answer } = explainMessage(payload, place, thinking, sender)
    yield { packet: index + 1, time, ...explanation }
    if (answer === undefined) continue
    for (const lease of takeOffer(answer, leases)) leases.put(lease)
  }
}

function placeOf(
  { destination }: UdpFrame,
  places: CaptureScene['places'],
): CaptureScene['places'][number] | undefined {
  return places.find(({ address }) => address === destination) ?? places[0]
}
