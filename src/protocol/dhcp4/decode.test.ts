import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../../test/helpers/counts.ts'
import { dhcpMessages, vector } from '../../../test/helpers/dhcp-fixtures.ts'
import { ipv4FromU32 } from '../../lib/ipv4.ts'
import { type DecodeError, decodeDhcp4 } from './decode.ts'
import { describeDhcp4 } from './describe.ts'
import { encodeDhcp4 } from './encode.ts'
import {
  blankMessage,
  clientMac,
  type DecodeNote,
  type DhcpMessage,
  HEADER_LENGTH,
  hardwareAddress,
  wantsBroadcast,
} from './message.ts'
import { pxeBootItem } from './option-43.ts'
import * as get from './options.ts'

type Edit = (bytes: Uint8Array) => Uint8Array

const set =
  (at: number, ...octets: number[]): Edit =>
  (bytes) => {
    bytes.set(octets, at)
    return bytes
  }
const cut =
  (length: number): Edit =>
  (bytes) =>
    bytes.slice(0, length)

/** P1 is a DISCOVER of 347 octets: option 53 at 240, 57 at 243, ..., 60 at 312, END at 346. */
function p1(edit: Edit = (bytes) => bytes): Uint8Array {
  return edit(vector('P1').bytes.slice())
}

describe('what is refused', () => {
  const rows: readonly (readonly [string, Edit, DecodeError])[] = [
    ['an empty datagram', cut(0), { code: 'too-short', at: 0 }],
    ['D04: 235 octets', cut(235), { code: 'too-short', at: 235 }],
    ['op 0', set(0, 0), { code: 'bad-op', at: 0 }],
    ['op 3', set(0, 3), { code: 'bad-op', at: 0 }],
    ['D14: hlen 17', set(2, 17), { code: 'bad-hlen', at: 2 }],
    ['D23: hops 17', set(3, 17), { code: 'bad-hops', at: 3 }],
    ['message type 0', set(242, 0), { code: 'bad-message-type', at: 240 }],
    ['D13: message type 99', set(242, 99), { code: 'bad-message-type', at: 240 }],
    ['D12: message type of two octets', set(240, 53, 2, 1, 1, 255), { code: 'bad-message-type', at: 240 }],
    ['message type of no octets', set(240, 53, 0, 255), { code: 'bad-message-type', at: 240 }],
    ['a truncated option before any message type', set(240, 12, 200), { code: 'truncated-options', at: 240 }],
    ['a code without a length', (bytes) => cut(241)(bytes), { code: 'truncated-options', at: 240 }],
  ]
  for (const [name, edit, error] of rows)
    test(name, () => assert.deepEqual(decodeDhcp4(p1(edit)), { ok: false, error }))
})

describe('what is put up with', () => {
  const rows: readonly (readonly [string, Edit, readonly DecodeNote[]])[] = [
    ['nothing odd', (bytes) => bytes, []],
    ['no cookie: 236 octets', cut(236), [{ code: 'no-cookie', at: 236 }]],
    ['D03: no cookie: 239 octets', cut(239), [{ code: 'no-cookie', at: 236 }]],
    ['D05: a wrong cookie', set(239, 0x64), [{ code: 'no-cookie', at: 236 }]],
    ['D06: END is missing', cut(346), [{ code: 'missing-end', at: 346 }]],
    [
      'D07: the last option claims more than there is',
      set(313, 200),
      [{ code: 'truncated-option', at: 312 }],
    ],
    ['hlen 0 and InfiniBand', set(1, 32, 0), []],
    ['hops 16', set(3, 16), []],
    ['two message types', set(243, 53, 1, 3, 255), [{ code: 'repeated-option', at: 240, option: 53 }]],
    ['option 57 of one octet', set(243, 57, 1, 9, 255), [{ code: 'bad-length', at: 243, option: 57 }]],
    ['D10: option 52 of 4', set(243, 52, 1, 4, 255), [{ code: 'bad-overload', at: 243, option: 52 }]],
    ['D10: option 52 of 0', set(243, 52, 1, 0, 255), [{ code: 'bad-overload', at: 243, option: 52 }]],
    ['overloaded file without END', set(243, 52, 1, 1, 255), [{ code: 'missing-end', at: 236 }]],
  ]
  for (const [name, edit, notes] of rows) {
    test(name, () => {
      const message = decodeDhcp4(p1(edit))
      assert.ok(message.ok)
      assert.deepEqual(message.value.notes, notes)
    })
  }

  test('D08: 40 PAD octets between options change nothing', () => {
    const bytes = p1()
    const padded = Uint8Array.from([...bytes.slice(0, 243), ...new Uint8Array(40), ...bytes.slice(243)])
    assert.deepEqual(decodeDhcp4(padded), decodeDhcp4(bytes))
  })
  test('what follows END is not read', () => {
    const bytes = p1()
    assert.deepEqual(decodeDhcp4(Uint8Array.from([...bytes, 53, 1, 3])), decodeDhcp4(bytes))
  })
  test('the message keeps no hold of the bytes it came from', () => {
    const bytes = p1()
    const message = decodeDhcp4(bytes)
    bytes.fill(0)
    assert.ok(message.ok)
    assert.equal(clientMac(message.value), '52:54:00:12:34:56')
    assert.equal(get.vendorClass(message.value), 'PXEClient:Arch:00007:UNDI:003000')
  })
  test('a Buffer decodes to plain octets', () => {
    assert.deepEqual(decodeDhcp4(Buffer.from(p1())), decodeDhcp4(p1()))
  })
})

describe('the header (RFC 2131 §2)', () => {
  test('each field comes from its place', () => {
    const bytes = Uint8Array.from({ length: HEADER_LENGTH }, (_, i) => i)
    bytes.set([2, 1, 6, 4])
    const message = decodeDhcp4(bytes)
    assert.ok(message.ok)
    const { op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file } =
      message.value
    assert.deepEqual([op, htype, hlen, hops], ['reply', 1, 6, 4])
    assert.deepEqual([xid, secs, flags], [0x04050607, 0x0809, 0x0a0b])
    assert.deepEqual([ciaddr, yiaddr, siaddr, giaddr], [0x0c0d0e0f, 0x10111213, 0x14151617, 0x18191a1b])
    assert.deepEqual([chaddr[0], chaddr.length], [28, 16])
    assert.deepEqual([sname[0], sname.length], [44, 64])
    assert.deepEqual([file[0], file.length], [108, 128])
  })
  test('garbage in chaddr after hlen is kept and not part of the address', () => {
    const message = decodeDhcp4(p1(set(34, 0xde, 0xad)))
    assert.ok(message.ok)
    assert.equal(clientMac(message.value), '52:54:00:12:34:56')
    assert.equal(hardwareAddress(message.value).length, 6)
    assert.equal(message.value.chaddr[6], 0xde)
  })
  test('only Ethernet has a MAC', () => {
    const message = decodeDhcp4(p1(set(1, 32, 0)))
    assert.ok(message.ok)
    assert.equal(clientMac(message.value), undefined)
    assert.equal(hardwareAddress(message.value).length, 0)
  })
  test('an Ethernet address has six octets', () => {
    for (const hlen of [0, 5, 8]) assert.equal(clientMac({ ...blankMessage('request'), hlen }), undefined)
  })
  for (const [flags, broadcast] of [
    [0x8000, true],
    [0x8001, true],
    [0x7fff, false],
    [0, false],
  ] as const)
    test(`flags ${flags.toString(16)}`, () => {
      assert.equal(wantsBroadcast({ ...blankMessage('request'), flags }), broadcast)
    })
})

test('D09: P27, overload 3 and a split option 43 (RFC 3396 §7)', () => {
  const message = decodeDhcp4(vector('P27').bytes)
  assert.ok(message.ok)
  assert.equal(get.bootFileName(message.value), 'boot/x')
  assert.equal(get.hostName(message.value), 'abc')
  assert.equal(get.tftpServerName(message.value), 'tftp.example')
  assert.deepEqual(get.optionBytes(message.value, 43), Uint8Array.of(1, 2, 0x41, 0x42, 3, 1, 0x43))
})

test('D11: two instances of option 12 are one host name (RFC 3396)', () => {
  // P1 ends with END at 346.
  const message = decodeDhcp4(Uint8Array.from([...p1(cut(346)), 12, 2, 0x61, 0x62, 12, 2, 0x63, 0x64, 255]))
  assert.ok(message.ok)
  assert.equal(get.hostName(message.value), 'abcd')
})

describe('truncation', () => {
  test('every prefix of every message is refused, noted, or has lost nothing but padding', () => {
    const fixtures = dhcpMessages()
    assert.ok(fixtures.length > 200)
    for (const { name, bytes } of fixtures) {
      const whole = decodeDhcp4(bytes)
      for (let length = 0; length < bytes.length; length += 1) {
        const message = decodeDhcp4(bytes.slice(0, length))
        if (!message.ok || message.value.notes.length > 0) continue
        assert.deepEqual(message, whole, `${name} cut to ${length}`)
        assert.ok(
          bytes.subarray(length).every((octet) => octet === 0),
          `${name} cut to ${length}`,
        )
      }
    }
  })
})

/** Calls everything that reads a message, for the exception that must not come. */
function readAll(bytes: Uint8Array): void {
  const message = decodeDhcp4(bytes)
  if (!message.ok) return
  describeDhcp4(message.value)
  pxeBootItem(message.value)
  for (const getter of [
    get.messageType,
    get.requestedAddress,
    get.serverIdentifier,
    get.clientIdentifier,
    get.leaseTime,
  ])
    getter(message.value)
  for (const getter of [get.vendorClass, get.userClasses, get.clientArches, get.clientUuid, get.hostName])
    getter(message.value)
  for (const getter of [get.ipxeFeatures, get.vendorOptions, get.bootFileName]) getter(message.value)
  encodeDhcp4(message.value)
}

describe('hostile bytes', () => {
  const header = blankMessage('request')

  test('random bytes never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 700 }), readAll), {
      seed: 2,
      numRuns: runs(20_000, 400_000),
    })
  })
  test('random options after a sound header never throw', () => {
    const prefix = encodeDhcp4(header, { minLength: 0 }).slice(0, 240)
    const areas = fc.tuple(
      fc.uint8Array({ maxLength: 400 }),
      fc.constantFrom([], [53, 1, 1], [53, 1, 1, 52, 1, 3]),
    )
    fc.assert(
      fc.property(areas, ([tail, head]) => readAll(Uint8Array.from([...prefix, ...head, ...tail]))),
      { seed: 3, numRuns: runs(20_000, 400_000) },
    )
  })
  test('mutated fixtures never throw', () => {
    const fixtures = dhcpMessages()
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(fc.nat(fixtures.length - 1), edits, fc.nat(), (index, places, length) => {
        const bytes = fixtures[index]?.bytes.slice() ?? new Uint8Array()
        for (const [at, octet] of places) bytes[at % bytes.length] = octet
        readAll(bytes)
        readAll(bytes.subarray(0, length % bytes.length))
      }),
      { seed: 4, numRuns: runs(20_000, 400_000) },
    )
  })
})

describe('round trip', () => {
  const u16 = fc.nat(0xffff)
  const u32 = fc.nat(0xffffffff)
  const field = (length: number): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength: length, maxLength: length })
  const ipv4 = u32.map(ipv4FromU32)
  // Not 52, which would give `file` and `sname` a second meaning, and not 53, which has its own arbitrary.
  const code = fc.integer({ min: 1, max: 254 }).filter((n) => n !== 52 && n !== 53)
  const option = fc.record({ code, data: fc.uint8Array({ maxLength: 255 }) }, { noNullPrototype: true })
  const type = fc.integer({ min: 1, max: 18 }).map((n) => ({ code: 53, data: Uint8Array.of(n) }))
  const message: fc.Arbitrary<DhcpMessage> = fc
    .record({
      op: fc.constantFrom('request' as const, 'reply' as const),
      htype: fc.nat(255),
      hlen: fc.nat(16),
      hops: fc.nat(16),
      xid: u32,
      secs: u16,
      flags: u16,
      ciaddr: ipv4,
      yiaddr: ipv4,
      siaddr: ipv4,
      giaddr: ipv4,
      chaddr: field(16),
      sname: field(64),
      file: field(128),
      options: fc.tuple(type, fc.array(option, { maxLength: 12 })).map(([first, rest]) => [first, ...rest]),
    })
    .map((fields) => ({ ...blankMessage('request'), ...fields }))

  test('what is encoded decodes to the same message', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const decoded = decodeDhcp4(encodeDhcp4(sent))
        assert.ok(decoded.ok)
        assert.deepEqual({ ...decoded.value, notes: [] }, sent)
        for (const note of decoded.value.notes) assert.match(note.code, /^(bad-length|repeated-option)$/)
      }),
      { seed: 5, numRuns: runs(500, 10_000) },
    )
  })

  test('decoding what we encode a second time changes nothing', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const once = encodeDhcp4(sent)
        const decoded = decodeDhcp4(once)
        assert.ok(decoded.ok)
        assert.deepEqual(encodeDhcp4(decoded.value), once)
      }),
      { seed: 6, numRuns: runs(200, 4000) },
    )
  })
})
