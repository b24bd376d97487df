import assert from 'node:assert/strict'
import { test } from 'node:test'
import { vector } from '../../test/helpers/dhcp-fixtures.ts'
import {
  assertFile,
  bound,
  client,
  download,
  FILES,
  LOOPBACK,
  octets,
  PATIENCE,
  packetOf,
  publishedFile,
  rrq,
  running,
} from '../../test/helpers/tftp-loopback.ts'
import { toHex } from '../lib/text.ts'
import { encodeTftp } from '../protocol/tftp/packet.ts'
import type { TftpAnswer, TftpRequest, TransferSocket } from './tftp-exchange.ts'

test('T01: the OACK of vector T2, from another port of the same address', PATIENCE, async () => {
  await using server = await running()
  await using probe = await client()
  probe.send(vector('T1').bytes, server.port)
  const answer = await probe.next()
  assert.equal(toHex(answer.bytes), toHex(vector('T2').bytes))
  assert.notEqual(answer.port, server.port)
  assert.equal(answer.address, LOOPBACK)
})

test('T02: the size probe of vector T3 ends the transfer and is no failure', PATIENCE, async () => {
  await using server = await running()
  await using probe = await client()
  probe.send(vector('T1').bytes, server.port)
  probe.send(vector('T3').bytes, (await probe.next()).port)
  await server.until('probe')
  assert.deepEqual(server.story, [{ kind: 'probe', name: 'ipxe-x86_64.efi', size: 1034752 }])
})

test('T03: vectors T4 to T6 bring the first window', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  reader.send(vector('T4').bytes, server.port)
  const oack = await reader.next()
  assert.equal(toHex(oack.bytes), toHex(vector('T5').bytes))
  reader.send(vector('T6').bytes, oack.port)
  const file = FILES.get('ipxe-x86_64.efi') ?? new Uint8Array()
  for (let block = 1; block <= 4; block += 1) {
    const data = await reader.next()
    assert.equal(data.port, oack.port)
    assert.deepEqual(packetOf(data), {
      kind: 'data',
      block,
      data: file.subarray((block - 1) * 1468, block * 1468),
    })
  }
})

const DOWNLOADS: readonly (readonly [name: string, request: Uint8Array, published: string])[] = [
  ['T04: no options', rrq('undionly.kpxe'), 'undionly.kpxe'],
  ['T05: an empty file', rrq('empty', 'tsize=0'), 'empty'],
  ['T06: an even size', rrq('even'), 'even'],
  ['T08: blksize 400', rrq('undionly.kpxe', 'blksize=400'), 'undionly.kpxe'],
  ['T09: blksize 7', rrq('boot/x64/small', 'blksize=7'), 'boot/x64/small'],
  ['T12: an unknown option', rrq('boot/x64/small', 'foo=1'), 'boot/x64/small'],
  ['T13: mixed case', rrq('undionly.kpxe', 'BLKSIZE=1000', 'Octet'), 'undionly.kpxe'],
  ['T22: an octet behind the name', rrq('undionly.kpxe\xff'), 'undionly.kpxe'],
  ['T23: backslashes', rrq('\\boot\\x64\\small'), 'boot/x64/small'],
  ['T23: slashes', rrq('//boot/./x64//small'), 'boot/x64/small'],
  ['a URL', rrq('tftp://192.0.2.1/even'), 'even'],
  ['1 MB as iPXE asks', rrq('ipxe-x86_64.efi', 'blksize=1432 tsize=0'), 'ipxe-x86_64.efi'],
]

for (const [name, request, published] of DOWNLOADS) {
  test(`${name}: the client gets ${published}`, PATIENCE, async () => {
    await using server = await running()
    await using reader = await client()
    assertFile(await download(reader, server.port, request), published)
    const done = await server.until('done')
    assert.equal(done.client.port, reader.port)
    const size = FILES.get(published)?.length
    const kinds = server.story.filter((happening) => happening['kind'] !== 'progress')
    assert.deepEqual(
      kinds.map((happening) => [
        happening['kind'],
        happening['name'],
        happening['size'] ?? happening['bytes'],
      ]),
      [
        ['start', published, size],
        ['done', published, size],
      ],
    )
  })
}

const REFUSALS: readonly (readonly [name: string, request: Uint8Array, answer: string])[] = [
  ['T21: a missing file', rrq('grub.cfg'), '1 File not found'],
  ['T24: a parent path', rrq('../../etc/passwd'), '2 Access violation'],
  ['T24: an encoded parent path', rrq('%2e%2e/etc/passwd'), '2 Access violation'],
  [
    'T26: a write',
    encodeTftp({ kind: 'wrq', nameBytes: octets('even'), nameText: 'even', mode: 'octet', options: [] }),
    '2 Read-only server',
  ],
  ['T27: mode mail', rrq('even', '', 'mail'), '4 Transfer mode mail is not supported, use octet'],
  [
    'T28: netascii',
    rrq('even', 'tsize=0', 'NetASCII'),
    '4 Transfer mode netascii is not supported, use octet',
  ],
  [
    'a mode of control characters',
    rrq('even', '', '\x1b[2J'),
    '4 Transfer mode \\x1b[2j is not supported, use octet',
  ],
]

for (const [name, request, answer] of REFUSALS) {
  test(`${name}: ${answer}`, PATIENCE, async () => {
    await using server = await running()
    await using reader = await client()
    assert.equal(await download(reader, server.port, request), answer)
    assert.deepEqual(
      server.story.map((happening) => [happening['kind'], happening['reason']]),
      [['refused', answer.slice(2).replaceAll('\\', '\\\\')]],
    )
  })
}

test('T21: the refusal is vector T7, and its observation says when nobody need look', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  reader.send(rrq('autoexec.ipxe'), server.port)
  assert.equal(toHex((await reader.next()).bytes), toHex(vector('T7').bytes))
  assert.deepEqual(server.story, [
    { kind: 'refused', name: 'autoexec.ipxe', code: 1, reason: 'File not found', expected: true },
  ])
})

test('the request names its candidates and its block size', PATIENCE, async () => {
  const asked: TftpRequest[] = []
  const answer = (request: TftpRequest): Promise<TftpAnswer> => {
    asked.push(request)
    return publishedFile(request)
  }
  await using server = await running({ answer })
  await using reader = await client()
  await download(reader, server.port, rrq('/a%20b\xff', 'blksize=1024'))
  await download(reader, server.port, rrq('c'))
  const from = { address: LOOPBACK, port: reader.port }
  const names = ['/a%20b\xff', 'a%20b\xff', '/a%20b', 'a%20b', 'a b']
  assert.deepEqual(asked, [
    { client: from, names, shownName: '/a%20b\\xff', blksize: 1024 },
    { client: from, names: ['c'], shownName: 'c' },
  ])
})

test('T34: the answer comes from the address that was asked', PATIENCE, async () => {
  await using server = await running({ address: '127.0.0.2' })
  await using reader = await client()
  reader.send(rrq('even'), server.port, '127.0.0.2')
  assert.equal((await reader.next()).address, '127.0.0.2')
})

for (const window of [1, 2, 4, 16])
  for (const how of ['one send a window', 'one send a block'] as const)
    test(`T03: windowsize ${window}, ${how}: every file is whole`, PATIENCE, async () => {
      const plain = async (): Promise<TransferSocket> => ({ socket: await bound() })
      await using server = await running(how === 'one send a block' ? { openTransferSocket: plain } : {})
      await using reader = await client()
      for (const name of ['ipxe-x86_64.efi', 'even', 'empty'])
        for (const blksize of [512, 1468]) {
          const request = rrq(name, `blksize=${blksize} windowsize=${window}`)
          assertFile(await download(reader, server.port, request), name)
        }
    })
