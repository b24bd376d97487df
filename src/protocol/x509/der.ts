/** DER, as far as certificates need it (ITU-T X.690 §8, §10, §11). Only writes: what others wrote is read by OpenSSL. */

const UNIVERSAL = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

/** One element: tag, length in as few octets as possible, contents. */
function element(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0)
  return joined([Uint8Array.of(tag, ...lengthOctets(length)), ...contents])
}

function lengthOctets(length: number): readonly number[] {
  return length < 0x80 ? [length] : [0x80 | bigEndian(length).length, ...bigEndian(length)]
}

function bigEndian(value: number): readonly number[] {
  const rest = value < 256 ? [] : bigEndian(Math.floor(value / 256))
  return [...rest, value % 256]
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** SEQUENCE of elements that are encoded already, in this order (X.690 §8.9). */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(UNIVERSAL.sequence, ...parts)
}

/** SET OF with one element, which needs no sorting (X.690 §11.6). */
export function setOf(part: Uint8Array): Uint8Array {
  return element(UNIVERSAL.set, part)
}

/** A number that is not negative: one octet of zero in front of a first bit that is set. */
export function integer(octets: Uint8Array): Uint8Array {
  const first = octets.findIndex((octet) => octet !== 0)
  const short = first < 0 ? Uint8Array.of(0) : octets.subarray(first)
  return (short[0] ?? 0) < 0x80
    ? element(UNIVERSAL.integer, short)
    : element(UNIVERSAL.integer, Uint8Array.of(0), short)
}

/** TRUE, which DER writes as ff and nothing else (X.690 §11.1). FALSE is left out where it is the default. */
export function booleanTrue(): Uint8Array {
  return element(UNIVERSAL.boolean, Uint8Array.of(0xff))
}

/** NULL: the parameters of RSA algorithms, which must be there (X.690 §8.8). */
export function nothing(): Uint8Array {
  return element(UNIVERSAL.null)
}

/** OCTET STRING of all parts in a row (X.690 §8.7). */
export function octetString(...parts: readonly Uint8Array[]): Uint8Array {
  return element(UNIVERSAL.octetString, ...parts)
}

/** `unused`: bits of the last octet that do not count. */
export function bitString(octets: Uint8Array, unused = 0): Uint8Array {
  return element(UNIVERSAL.bitString, Uint8Array.of(unused), octets)
}

/** UTF8String without a length limit: what a name may have is the caller's affair. */
export function utf8String(text: string): Uint8Array {
  return element(UNIVERSAL.utf8String, new TextEncoder().encode(text))
}

/** `2.5.4.3`; each number in groups of seven bits, of which all but the last are marked (X.690 §8.19). */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(
    UNIVERSAL.oid,
    Uint8Array.from([first * 40 + second, ...rest].flatMap((part) => sevenBits(part))),
  )
}

function sevenBits(value: number): readonly number[] {
  const groups = [value % 128]
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128))
    groups.unshift(0x80 | (rest % 128))
  return groups
}

/** Milliseconds since 1970; two digits of the year until 2049 (RFC 5280 §4.1.2.5). */
export function time(milliseconds: number): Uint8Array {
  const text = `${new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`
  const isShort = text < '2050'
  return element(
    isShort ? UNIVERSAL.utcTime : UNIVERSAL.generalizedTime,
    new TextEncoder().encode(isShort ? text.slice(2) : text),
  )
}

/** A context-specific tag: `explicit` around whole elements. */
export function context(number: number, form: 'explicit' | 'implicit', ...parts: Uint8Array[]): Uint8Array {
  return element((form === 'explicit' ? 0xa0 : 0x80) | number, ...parts)
}
