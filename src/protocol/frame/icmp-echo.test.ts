import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '../../../test/helpers/world.ts'
import { toHex } from '../../lib/text.ts'
import { buildIcmpEcho, parseIcmpEchoReply } from './icmp-echo.ts'
import { internetChecksum } from './ipv4-udp.ts'

test('an echo request: type 8, its identifier and sequence, a right checksum', () => {
  const message = buildIcmpEcho(0xabcd, 7)
  assert.equal(toHex(message), '08004c2babcd00070000000000000000')
  assert.equal(internetChecksum(message), 0)
})

test('a reply with the identifier says who has the address, also behind IP options; nothing else does', () => {
  const header = (words: number): string =>
    `4${words}00002800000000400100000a4e00640a4d0001${'01'.repeat((words - 5) * 4)}`
  const reply = Buffer.from(`${header(5)}00005432abcd0007`, 'hex')
  assert.equal(parseIcmpEchoReply(reply, 0xabcd), ip('10.78.0.100'))
  assert.equal(
    parseIcmpEchoReply(Buffer.from(`${header(7)}00005432abcd0007`, 'hex'), 0xabcd),
    ip('10.78.0.100'),
  )
  assert.equal(parseIcmpEchoReply(reply, 0xabce), undefined)
  for (const [at, value] of [
    [9, 17],
    [20, 8],
    [20, 3],
    [21, 1],
  ] as const) {
    const other = Uint8Array.from(reply)
    other[at] = value
    assert.equal(parseIcmpEchoReply(other, 0xabcd), undefined, `octet ${at}`)
  }
  for (let length = 0; length < 26; length += 1)
    assert.equal(parseIcmpEchoReply(reply.subarray(0, length), 0xabcd), undefined)
})
