import type { Mac } from '../src/lib/mac.ts'
import { decodeDhcp4 } from '../src/protocol/dhcp4/decode.ts'
import { parseEthernetUdp } from '../src/protocol/frame/ipv4-udp.ts'
import type { CapturedPacket } from '../src/protocol/pcap.ts'

/** From one mark on the wire to the next; the first begins with the power button. */
export const STAGES = [
  'firmware, to its DISCOVER',
  'DHCP of the firmware',
  'loader',
  'DHCP of iPXE',
  'script',
  'kernel and initrd',
  'Linux, to its DISCOVER',
  'Linux, to in service',
] as const
export type Stage = (typeof STAGES)[number]

/** Seconds of each stage; 0 where this firmware has none, as a card's iPXE needs no loader. */
export type StageSeconds = Readonly<Record<Stage, number>>

/** What one packet of the machine is, for the marks. */
type Sign =
  | { readonly kind: 'discover'; readonly isIpxe: boolean }
  | { readonly kind: 'read' }
  | { readonly kind: 'tcp'; readonly text: string }

const TFTP = 69
const DHCP = 67
const DISCOVER = 1
const OPTION = { messageType: 53, ipxe: 175 } as const
const ETHERNET = 14
const TCP = 6

interface Marks {
  readonly discover: number
  readonly read: number
  readonly ipxe: number
  readonly script: number
  readonly kernel: number
  readonly loaded: number
  readonly linux: number
  readonly service: number
}

/**
 * The stages of one boot, from what the machine sent: both servers are seen from outside alone. `poweredOn` in microseconds since
 * 1970. Undefined when a mark is missing: the machine is not in service.
 */
export function readStages(
  packets: readonly CapturedPacket[],
  { mac, poweredOn }: { readonly mac: Mac; readonly poweredOn: number },
): StageSeconds | undefined {
  const marks = readMarks(packets, mac)
  if (marks === undefined) return undefined
  const { discover, read, ipxe, script, kernel, loaded, linux, service } = marks
  const times = [poweredOn, discover, read, ipxe, script, kernel, loaded, linux, service]
  const seconds = times.slice(1).map((time, i) => (time - (times[i] ?? time)) / 1e6)
  return Object.fromEntries(STAGES.map((stage, i) => [stage, seconds[i] ?? 0])) as Record<Stage, number>
}

/** Power on to in service. */
export function totalSeconds(stages: StageSeconds): number {
  return Object.values(stages).reduce((sum, one) => sum + one, 0)
}

function readMarks(packets: readonly CapturedPacket[], mac: Mac): Marks | undefined {
  const signs = packets.flatMap(({ bytes, timeMicros: time }) => {
    const sign = signOf(bytes, mac)
    return sign === undefined ? [] : [{ time, ...sign }]
  })
  const first = (is: (sign: (typeof signs)[number]) => boolean): number | undefined => signs.find(is)?.time
  const discover = first(({ kind }) => kind === 'discover')
  const ipxe = first((sign) => sign.kind === 'discover' && sign.isIpxe)
  const script = first((sign) => sign.kind === 'tcp' && sign.text.startsWith('GET '))
  const kernel = first((sign) => sign.kind === 'tcp' && /^GET \S*\/vmlinuz /.test(sign.text))
  if (discover === undefined || ipxe === undefined || script === undefined || kernel === undefined)
    return undefined
  const linux = first(({ kind, time }) => kind === 'discover' && time > kernel)
  const service = first((sign) => sign.kind === 'tcp' && sign.text.includes('"in-service"'))
  if (linux === undefined || service === undefined) return undefined
  const loaded = signs.findLast(({ kind, time }) => kind === 'tcp' && time < linux)?.time ?? kernel
  const read = first(({ kind }) => kind === 'read') ?? ipxe
  return { discover, read, ipxe, script, kernel, loaded, linux, service }
}

function signOf(frame: Uint8Array, mac: Mac): Sign | undefined {
  const udp = parseEthernetUdp(frame)
  if (!udp.ok) return tcpOf(frame, mac)
  const { sourceMac, destinationPort, payload } = udp.value
  if (sourceMac !== mac) return undefined
  if (destinationPort === TFTP) return { kind: 'read' }
  const message = destinationPort === DHCP ? decodeDhcp4(payload) : undefined
  if (message?.ok !== true) return undefined
  const { options } = message.value
  const type = options.find(({ code }) => code === OPTION.messageType)?.data[0]
  return type === DISCOVER
    ? { kind: 'discover', isIpxe: options.some(({ code }) => code === OPTION.ipxe) }
    : undefined
}

/** RFC 9293 §3.1, without a tag before it. */
function tcpOf(frame: Uint8Array, mac: Mac): Sign | undefined {
  const source = [...frame.subarray(6, 12)].map((octet) => octet.toString(16).padStart(2, '0')).join(':')
  const headerLength = ((frame[ETHERNET] ?? 0) & 0x0f) * 4
  if (source !== mac || frame[12] !== 0x08 || frame[13] !== 0 || frame[ETHERNET + 9] !== TCP) return undefined
  const at = ETHERNET + headerLength
  const begins = at + ((frame[at + 12] ?? 0) >> 4) * 4
  return { kind: 'tcp', text: Buffer.from(frame.subarray(begins)).toString('latin1') }
}
