import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { vector } from '../../test/helpers/dhcp-fixtures.ts'
import {
  ack,
  assertFile,
  client,
  content,
  download,
  LOOPBACK,
  octets,
  PATIENCE,
  packetOf,
  rrq,
  running,
} from '../../test/helpers/tftp-loopback.ts'
import { toHex } from '../lib/text.ts'
import { encodeTftp } from '../protocol/tftp/packet.ts'

test('an observation never carries raw octets of the client', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  await download(reader, server.port, rrq('a\x80\x1b[0m\xffb'))
  await download(reader, server.port, rrq('caf\xe9\xff'))
  assert.deepEqual(
    server.story.map((happening) => happening['name']),
    ['a\\x80\\x1b[0m\\xffb', 'caf\\xe9\\xff'],
  )
})

const MALFORMED: readonly (readonly [name: string, datagram: Uint8Array, reason: string])[] = [
  ['T29: one field', octets('\0\x01a\0'), 'no-mode'],
  ['T29: no last NUL', octets('\0\x01a\0octet'), 'unterminated'],
  ['T29: a 600-octet name', rrq('a'.repeat(600)), 'too-long'],
  ['a write without a mode', octets('\0\x02a\0'), 'no-mode'],
]

for (const [name, datagram, reason] of MALFORMED) {
  test(`${name}: error 4`, PATIENCE, async () => {
    await using server = await running()
    await using reader = await client()
    assert.equal(await download(reader, server.port, datagram), '4 Malformed request')
    assert.deepEqual(server.story, [{ kind: 'ignored', reason }])
  })
}

const UNANSWERED: readonly (readonly [name: string, datagram: Uint8Array])[] = [
  ['T29: no octets', new Uint8Array()],
  ['one octet', Uint8Array.of(0)],
  ['T30: opcode 9', Uint8Array.of(0, 9, 0, 0)],
  ['T31: an ERROR', vector('T7').bytes],
  ['DATA', Uint8Array.of(0, 3, 0, 1, 65)],
  ['an ACK', ack(1)],
  ['an OACK', vector('T2').bytes],
  ['a malformed OACK', octets('\0\x06a')],
]

for (const [name, datagram] of UNANSWERED) {
  test(`${name} on the request port: silence`, PATIENCE, async () => {
    await using server = await running()
    await using reader = await client()
    reader.send(datagram, server.port)
    // Datagrams on the loopback keep their order: an answer would come before this one's.
    assert.equal(await download(reader, server.port, rrq('missing')), '1 File not found')
    assert.equal(reader.unread, 0)
    assert.deepEqual(
      server.story.map((happening) => happening['kind']),
      ['ignored', 'refused'],
    )
  })
}

test('sources that must not be answered are ignored', PATIENCE, async () => {
  await using server = await running()
  const sources = [
    [LOOPBACK, 0],
    [LOOPBACK, 7],
    [LOOPBACK, 19],
    [LOOPBACK, 69],
    ['0.0.0.0', 2000],
    ['224.0.0.1', 2000],
    ['255.255.255.255', 2000],
  ] as const
  for (const [address, port] of sources) {
    server.socket.emit('message', Buffer.from(rrq('even')), { address, port, family: 'IPv4', size: 0 })
  }
  const ignored = sources.map(() => ({ kind: 'ignored', reason: 'source address or port' }))
  assert.deepEqual(server.story, ignored)
})

test(
  'T20: a stranger gets vector T8 once for each packet but an ERROR, and the transfer goes on',
  PATIENCE,
  async () => {
    await using server = await running()
    await using reader = await client()
    await using stranger = await client()
    reader.send(rrq('boot/x64/small'), server.port)
    const first = await reader.next()
    stranger.send(encodeTftp({ kind: 'error', code: 0, message: 'go away' }), first.port)
    stranger.send(ack(1), first.port)
    const rebuke = await stranger.next()
    assert.equal(toHex(rebuke.bytes), toHex(vector('T8').bytes))
    assert.equal(rebuke.port, first.port)
    reader.send(ack(1), first.port)
    assert.deepEqual(packetOf(await reader.next()), {
      kind: 'data',
      block: 2,
      data: content(600).subarray(512),
    })
    reader.send(ack(2), first.port)
    await server.until('done')
    assert.equal(stranger.unread, 0)
  },
)

test('3000 mutated vectors are no fault of ours, and the server still serves', PATIENCE, async () => {
  await using server = await running()
  await using target = await client('127.0.0.9')
  await using reader = await client()
  const from = { address: '127.0.0.9', port: target.port, family: 'IPv4', size: 0 }
  const datagrams = ['T1', 'T2', 'T3', 'T4', 'T6', 'T7'].map((id) => vector(id).bytes)
  const mutated = fc
    .tuple(
      fc.constantFrom(...datagrams),
      fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { maxLength: 4 }),
      fc.nat({ max: 60 }),
    )
    .map(([datagram, changes, cut]) => {
      const bytes = Buffer.from(datagram)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return cut < 10 ? bytes.subarray(0, cut) : bytes
    })
  for (const bytes of fc.sample(mutated, { seed: 10, numRuns: runs(3000, 60_000) }))
    server.socket.emit('message', bytes, from)
  assertFile(await download(reader, server.port, rrq('undionly.kpxe')), 'undionly.kpxe')
  assert.deepEqual(
    server.seen.filter((observation) => observation.kind === 'fault'),
    [],
  )
})
