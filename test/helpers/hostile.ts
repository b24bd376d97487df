/** Packets that no good client sends, the same from the same seed. */
import type { Ipv4 } from '../../src/lib/ipv4.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { blankMessage } from '../../src/protocol/dhcp4/message.ts'
import { ipv4Value } from '../../src/protocol/dhcp4/option-values.ts'
import { dhcpMessages, vectors } from './dhcp-fixtures.ts'
import type { Burst } from './load.ts'
import { clientMessage } from './wire.ts'

/** A whole number from 0 up to the limit. */
export type Random = (below: number) => number

/** Mulberry32: the same numbers from the same seed. */
export function generator(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** Random octets, or a good packet cut, lengthened, or with some octets changed. */
export function hostile(good: readonly Uint8Array[], random: Random): Uint8Array {
  if (random(4) === 0) return octets(random(600), random)
  const bytes = Uint8Array.from(good[random(good.length)] ?? [])
  switch (random(4)) {
    case 0:
      return bytes.subarray(0, random(bytes.length + 1))
    case 1:
      return Uint8Array.from([...bytes, ...octets(random(100), random)])
    default:
      for (let changes = 1 + random(8); changes > 0 && bytes.length > 0; changes -= 1)
        bytes[random(bytes.length)] = random(256)
      return bytes
  }
}

const FIXED = 236
/** Options that hold options or lists of their own, and those with a length that somebody may believe. */
const NESTS = [43, 52, 53, 54, 55, 60, 61, 66, 67, 77, 82, 93, 94, 97, 118, 119, 121, 124, 125, 150, 175]

/** A message with a sound header and a soup of options: nests, lies about lengths, overload, repeated codes. */
export function optionSoup(random: Random): Uint8Array {
  const fixed = new Uint8Array(FIXED)
  fixed.set([random(50) === 0 ? random(256) : 1 + random(2), 1, 6, random(20), ...octets(4, random)])
  if (random(4) === 0) fixed.set(octets(16, random), 12)
  if (random(3) === 0) fixed.set([10, 77, random(256), random(256)], 24)
  fixed.set([2, 0xf0, ...octets(4, random)], 28)
  if (random(4) === 0) fixed.set(optionArea(192, random), 44)
  const type = [53, 1, 1 + random(random(10) === 0 ? 255 : 8)]
  return Uint8Array.from([...fixed, 0x63, 0x82, 0x53, 0x63, ...type, ...optionArea(random(900), random)])
}

function optionArea(length: number, random: Random): Uint8Array {
  const area: number[] = []
  while (area.length < length) {
    const code = random(3) === 0 ? random(256) : (NESTS[random(NESTS.length)] ?? 0)
    const body = random(3) === 0 ? [...octets(random(40), random)] : nest(random)
    const claimed = random(12) === 0 ? random(256) : body.length
    area.push(code, claimed, ...body.slice(0, 255))
  }
  return Uint8Array.from(area.slice(0, length))
}

/** Sub-options as 43 and 82 have them, and an enterprise block as 125 has, or what looks like them. */
function nest(random: Random): number[] {
  const body = random(4) === 0 ? [0, 0, random(2), random(256), random(60)] : []
  for (let parts = random(6); parts > 0; parts -= 1) {
    const value = octets(random(20), random)
    body.push(random(256), random(6) === 0 ? random(256) : value.length, ...value)
  }
  return body
}

function octets(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => random(256))
}

/** The packets of a burst; `giaddr` is where the answers to strangers shall go. */
export function* burstPackets(
  { kind, count, seed }: Burst,
  giaddr: Ipv4,
): Generator<{ readonly bytes: Uint8Array; readonly port: number }> {
  const random = generator(seed)
  const dhcp = dhcpMessages().map(({ bytes }) => bytes)
  const tftp = vectors()
    .filter(({ name }) => name.startsWith('T'))
    .map(({ bytes }) => bytes)
  const chatty = discover(random, giaddr)
  for (let n = 0; n < count; n += 1)
    if (kind === 'strangers') yield { bytes: discover(random, giaddr), port: 67 }
    else if (kind === 'chatty') yield { bytes: chatty, port: 67 }
    else if (random(10) === 0) yield { bytes: hostile(tftp, random), port: 69 }
    else yield { bytes: random(2) === 0 ? optionSoup(random) : hostile(dhcp, random), port: 67 }
}

const TEMPLATE = encodeDhcp4({
  ...blankMessage('request'),
  ...clientMessage('DISCOVER', '02:bd:00:00:00:00'),
  flags: 0,
  hops: 1,
})

/** A DISCOVER of a MAC address never seen, relayed. */
function discover(random: Random, giaddr: Ipv4): Uint8Array {
  const bytes = Uint8Array.from(TEMPLATE)
  bytes.set(octets(4, random), 4)
  bytes.set(ipv4Value(giaddr), 24)
  bytes.set(octets(4, random), 30)
  return bytes
}
