import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../../test/helpers/counts.ts'
import { capture, captureNames, vectors } from '../../../test/helpers/dhcp-fixtures.ts'
import { fromHex, toHex } from '../../lib/text.ts'
import { parseEthernetUdp } from '../frame/ipv4-udp.ts'
import { decodeTftp, encodeData, encodeTftp, type TftpDecodeError, type TftpPacket } from './packet.ts'

const SEED = 1350
/** Objects as literals are, so that deepEqual compares them. */
const PLAIN = { noNullPrototype: true } as const

function hex(text: string): Uint8Array {
  const bytes = fromHex(text.replaceAll(' ', ''))
  assert.ok(bytes, text)
  return bytes
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function request(
  kind: 'rrq' | 'wrq',
  name: string,
  options: readonly (readonly [string, string])[] = [],
): TftpPacket {
  return {
    kind,
    nameBytes: ascii(name),
    nameText: name,
    mode: 'octet',
    options: options.map(([option, value]) => ({ name: option, value })),
  }
}

const BOTH_WAYS: readonly { name: string; hex: string; value: TftpPacket }[] = [
  { name: 'RRQ', hex: '0001 61 00 6f63746574 00', value: request('rrq', 'a') },
  {
    name: 'RRQ with options, order and duplicates kept',
    hex: '0001 61 00 6f63746574 00 7473697a65 00 30 00 626c6b73697a65 00 38 00 7473697a65 00 31 00',
    value: request('rrq', 'a', [
      ['tsize', '0'],
      ['blksize', '8'],
      ['tsize', '1'],
    ]),
  },
  {
    name: 'RRQ with an empty option value',
    hex: '0001 61 00 6f63746574 00 78 00 00',
    value: request('rrq', 'a', [['x', '']]),
  },
  { name: 'RRQ with octets above 127', hex: '0001 61ff 00 6f63746574 00', value: request('rrq', 'aÿ') },
  { name: 'WRQ', hex: '0002 61 00 6f63746574 00', value: request('wrq', 'a') },
  { name: 'DATA', hex: '0003 ffff 010203', value: { kind: 'data', block: 65535, data: hex('010203') } },
  { name: 'DATA, empty', hex: '0003 0000', value: { kind: 'data', block: 0, data: hex('') } },
  { name: 'ACK', hex: '0004 0102', value: { kind: 'ack', block: 258 } },
  { name: 'ERROR', hex: '0005 0001 6e6f 00', value: { kind: 'error', code: 1, message: 'no' } },
  { name: 'ERROR without text', hex: '0005 0008 00', value: { kind: 'error', code: 8, message: '' } },
  {
    name: 'OACK',
    hex: '0006 7473697a65 00 30 00',
    value: { kind: 'oack', options: [{ name: 'tsize', value: '0' }] },
  },
  { name: 'OACK without options', hex: '0006', value: { kind: 'oack', options: [] } },
]

for (const row of BOTH_WAYS) {
  test(`${row.name}: both ways`, () => {
    assert.deepEqual(decodeTftp(hex(row.hex)), { ok: true, value: row.value })
    assert.equal(toHex(encodeTftp(row.value)), row.hex.replaceAll(' ', ''))
  })
}

const LENIENT: readonly { name: string; hex: string; value: TftpPacket }[] = [
  {
    name: 'T13: mode and option names in any case',
    hex: '0001 61 00 4f63546554 00 546f 00 41 00',
    value: request('rrq', 'a', [['to', 'A']]),
  },
  { name: 'ACK with octets behind it', hex: '0004 0001 0000', value: { kind: 'ack', block: 1 } },
  { name: 'ERROR without its NUL', hex: '0005 0000 6e6f', value: { kind: 'error', code: 0, message: 'no' } },
  { name: 'ERROR of four octets', hex: '0005 0002', value: { kind: 'error', code: 2, message: '' } },
]

for (const row of LENIENT) {
  test(`${row.name}: accepted`, () =>
    assert.deepEqual(decodeTftp(hex(row.hex)), { ok: true, value: row.value }))
}

const longName = '61'.repeat(501)
const WRONG: readonly { name: string; hex: string; error: TftpDecodeError }[] = [
  { name: 'T29: nothing', hex: '', error: { code: 'truncated', at: 0 } },
  { name: 'half an opcode', hex: '00', error: { code: 'truncated', at: 1 } },
  { name: 'opcode 0', hex: '0000', error: { code: 'unknown-opcode', at: 0 } },
  { name: 'T30: opcode 9', hex: '0009 0000', error: { code: 'unknown-opcode', at: 0 } },
  { name: 'opcode 0x0101', hex: '0101 61 00', error: { code: 'unknown-opcode', at: 0 } },
  { name: 'RRQ without anything', hex: '0001', error: { code: 'unterminated', at: 2 } },
  { name: 'RRQ with an empty name', hex: '0001 00 6f63746574 00', error: { code: 'empty-name', at: 2 } },
  { name: 'T29: RRQ with one field', hex: '0001 61 00', error: { code: 'no-mode', at: 4 } },
  { name: 'RRQ with an empty mode', hex: '0001 61 00 00', error: { code: 'no-mode', at: 4 } },
  { name: 'T29: RRQ without the last NUL', hex: '0001 61 00 6f6374', error: { code: 'unterminated', at: 7 } },
  {
    name: 'T29: RRQ with a 600-octet name',
    hex: `0001 ${'61'.repeat(600)} 00 6f63746574 00`,
    error: { code: 'too-long', at: 512 },
  },
  {
    name: 'RRQ with a 501-octet name',
    hex: `0001 ${longName} 00 6f6374 00`,
    error: { code: 'name-too-long', at: 502 },
  },
  {
    name: 'option without value',
    hex: '0001 61 00 6f 00 78 00',
    error: { code: 'option-without-value', at: 8 },
  },
  { name: 'option without its NUL', hex: '0001 61 00 6f 00 78', error: { code: 'unterminated', at: 7 } },
  {
    name: 'option with an empty name',
    hex: '0001 61 00 6f 00 00 31 00',
    error: { code: 'empty-option', at: 6 },
  },
  { name: 'DATA without its block', hex: '0003 00', error: { code: 'truncated', at: 3 } },
  { name: 'ACK without its block', hex: '0004', error: { code: 'truncated', at: 2 } },
  { name: 'ERROR without its code', hex: '0005 00', error: { code: 'truncated', at: 3 } },
  { name: 'OACK without a value', hex: '0006 78 00', error: { code: 'option-without-value', at: 4 } },
]

for (const row of WRONG) {
  test(`${row.name}: ${row.error.code}`, () =>
    assert.deepEqual(decodeTftp(hex(row.hex)), { ok: false, error: row.error }))
}

const VECTORS = vectors()
  .filter((row) => row.name.startsWith('T'))
  .map((row) => [row.name, row.bytes] as const)

test('the vectors are there', () => {
  assert.deepEqual(
    VECTORS.map(([id]) => id),
    ['T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8'],
  )
})

const VECTOR_KINDS: Readonly<Record<string, string>> = {
  T1: 'rrq ipxe-x86_64.efi octet tsize=0 blksize=1468 windowsize=4',
  T2: 'oack tsize=1034752 blksize=1468 windowsize=4',
  T3: 'error 8 User aborted the transfer',
  T4: 'rrq ipxe-x86_64.efi octet blksize=1468 windowsize=4',
  T5: 'oack blksize=1468 windowsize=4',
  T6: 'ack 0',
  T7: 'error 1 File not found',
  T8: 'error 5 Unknown transfer ID',
}

function show(packet: TftpPacket): string {
  const options = 'options' in packet ? packet.options.map((o) => `${o.name}=${o.value}`) : []
  switch (packet.kind) {
    case 'rrq':
    case 'wrq':
      return [packet.kind, packet.nameText, packet.mode, ...options].join(' ')
    case 'oack':
      return ['oack', ...options].join(' ')
    case 'error':
      return `error ${packet.code} ${packet.message}`
    case 'ack':
      return `ack ${packet.block}`
    case 'data':
      return `data ${packet.block} ${toHex(packet.data)}`
  }
}

for (const [id, bytes] of VECTORS) {
  test(`vector ${id}: decodes to its golden text and encodes to the same bytes`, () => {
    const decoded = decodeTftp(bytes)
    assert.ok(decoded.ok)
    assert.equal(show(decoded.value), VECTOR_KINDS[id])
    assert.equal(toHex(encodeTftp(decoded.value)), toHex(bytes))
  })

  test(`vector ${id}: every truncation is an error, or the packet that its shorter form is`, () => {
    for (let length = 0; length < bytes.length; length++) {
      const decoded = decodeTftp(bytes.subarray(0, length))
      // A cut between two options leaves a whole packet; an ERROR's text may end anywhere.
      if (!decoded.ok) continue
      const whole = toHex(encodeTftp(decoded.value))
      const isErrorText = decoded.value.kind === 'error'
      assert.equal(isErrorText ? whole.slice(0, -2) : whole, toHex(bytes.subarray(0, length)), `${length}`)
    }
  })
}

test('a truncated RRQ is whole only where an option ends', () => {
  const bytes = VECTORS[0]?.[1] ?? new Uint8Array()
  const whole = Array.from(bytes.keys()).filter((length) => decodeTftp(bytes.subarray(0, length)).ok)
  assert.deepEqual(whole, [24, 32, 45])
})

/** The datagrams between the clients' ports that sent to port 69 and whoever answered them. */
function tftpDatagrams(name: string): readonly Uint8Array[] {
  const clientPorts = new Set<string>()
  return capture(name).packets.flatMap((packet) => {
    const parsed = parseEthernetUdp(packet.bytes)
    if (!parsed.ok) return []
    const frame = parsed.value
    if (frame.destinationPort === 69) clientPorts.add(`${frame.source}:${frame.sourcePort}`)
    const isTftp =
      clientPorts.has(`${frame.source}:${frame.sourcePort}`) ||
      clientPorts.has(`${frame.destination}:${frame.destinationPort}`)
    return isTftp ? [new Uint8Array(frame.payload)] : []
  })
}

test('every TFTP datagram of the captures decodes and encodes to the same bytes', () => {
  const kinds = new Map<string, number>()
  for (const name of captureNames()) {
    for (const [i, bytes] of tftpDatagrams(name).entries()) {
      const decoded = decodeTftp(bytes)
      assert.ok(decoded.ok, `${name}, TFTP datagram ${i}: ${toHex(bytes.subarray(0, 40))}`)
      assert.equal(toHex(encodeTftp(decoded.value)), toHex(bytes), `${name}, TFTP datagram ${i}`)
      kinds.set(decoded.value.kind, (kinds.get(decoded.value.kind) ?? 0) + 1)
    }
  }
  assert.deepEqual([...kinds.keys()].sort(), ['ack', 'data', 'error', 'oack', 'rrq'])
})

test('random octets never throw, and what decodes encodes again', () => {
  const opcodes = fc.integer({ min: 0, max: 7 })
  const bodies = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { maxLength: 80 })
  fc.assert(
    fc.property(opcodes, bodies, (opcode, body) => {
      const decoded = decodeTftp(Uint8Array.from([0, opcode, ...body]))
      if (decoded.ok) assert.deepEqual(decodeTftp(encodeTftp(decoded.value)), decoded)
    }),
    { seed: SEED, numRuns: runs(20_000, 400_000) },
  )
})

test('every packet that can be built decodes to itself', () => {
  const octet = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code))
  const word = fc.string({ unit: octet, minLength: 1, maxLength: 12 }).map((text) => text.toLowerCase())
  const value = fc.string({ unit: octet, maxLength: 12 })
  const options = fc.array(fc.record({ name: word, value }, PLAIN), { maxLength: 6 })
  const u16 = fc.integer({ min: 0, max: 0xffff })
  const packets: fc.Arbitrary<TftpPacket> = fc.oneof(
    fc
      .record(
        {
          kind: fc.constantFrom('rrq' as const, 'wrq' as const),
          nameText: fc.string({ unit: octet, minLength: 1, maxLength: 200 }),
          mode: word,
          options,
        },
        PLAIN,
      )
      .map((packet) => ({ ...packet, nameBytes: ascii(packet.nameText) })),
    fc.record(
      { kind: fc.constant('data' as const), block: u16, data: fc.uint8Array({ maxLength: 600 }) },
      PLAIN,
    ),
    fc.record({ kind: fc.constant('ack' as const), block: u16 }, PLAIN),
    fc.record({ kind: fc.constant('error' as const), code: u16, message: value }, PLAIN),
    fc.record({ kind: fc.constant('oack' as const), options }, PLAIN),
  )
  fc.assert(
    fc.property(packets, (packet) => {
      assert.deepEqual(decodeTftp(encodeTftp(packet)), { ok: true, value: packet })
    }),
    { seed: SEED, numRuns: runs(20_000, 400_000) },
  )
})

test('T14: option names leave in lower case and nothing follows the last NUL', () => {
  const bytes = encodeTftp({ kind: 'oack', options: [{ name: 'BlkSize', value: '512' }] })
  assert.equal(toHex(bytes), toHex(ascii('\0\x06blksize\x00512\0')))
})

test('encodeData takes a slice', () => {
  assert.equal(toHex(encodeData(0x1234, hex('000102030405'), 2, 5)), '00031234020304')
})

const NONSENSE: readonly (readonly [string, TftpPacket])[] = [
  ['an empty name', { kind: 'rrq', nameBytes: hex(''), nameText: '', mode: 'octet', options: [] }],
  ['a NUL in a name', { kind: 'rrq', nameBytes: hex('6100'), nameText: 'a\0', mode: 'octet', options: [] }],
  ['an empty mode', { kind: 'wrq', nameBytes: hex('61'), nameText: 'a', mode: '', options: [] }],
  ['a NUL in a message', { kind: 'error', code: 0, message: 'a\0b' }],
  ['a wide character', { kind: 'error', code: 0, message: 'ł' }],
  ['an empty option name', { kind: 'oack', options: [{ name: '', value: '1' }] }],
  ['a block above 16 bits', { kind: 'ack', block: 65536 }],
  ['a negative block', { kind: 'data', block: -1, data: hex('') }],
  ['half a code', { kind: 'error', code: 0.5, message: '' }],
]

for (const [name, packet] of NONSENSE) {
  test(`our own nonsense throws: ${name}`, () => assert.throws(() => encodeTftp(packet), RangeError))
}
