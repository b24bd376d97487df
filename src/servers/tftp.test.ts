import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { vector } from '../../test/helpers/dhcp-fixtures.ts'
import {
  ack,
  assertFile,
  bound,
  type Client,
  client,
  content,
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

test('T19: the same request again is the same transfer', PATIENCE, async () => {
  const asked: TftpRequest[] = []
  const answer = (request: TftpRequest): Promise<TftpAnswer> => {
    asked.push(request)
    return publishedFile(request)
  }
  await using server = await running({ answer })
  await using reader = await client()
  const request = rrq('boot/x64/small', 'tsize=0')
  reader.send(request, server.port)
  reader.send(request, server.port)
  const oack = await reader.next()
  reader.send(request, server.port)
  reader.send(ack(0), oack.port)
  const data = await reader.next()
  assert.equal(data.port, oack.port)
  assert.equal(packetOf(data).kind, 'data')
  reader.send(ack(1), oack.port)
  assert.equal(packetOf(await reader.next()).kind, 'data')
  reader.send(ack(2), oack.port)
  await server.until('done')
  assert.equal(asked.length, 1)
  assert.equal(reader.unread, 0)
})

test('another request from the same port takes the place of a probe', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  reader.send(rrq('even', 'tsize=0'), server.port)
  const oack = await reader.next()
  assertFile(await download(reader, server.port, rrq('even', 'blksize=1024')), 'even')
  await server.until('done')
  assert.deepEqual(
    server.story.map((happening) => happening['kind']),
    ['probe', 'start', 'done'],
  )
  assert.ok(oack.port !== server.port)
})

test('requests that replace one another before their answers leave no slot taken', PATIENCE, async () => {
  const awaited: (() => void)[] = []
  const arrived = Promise.withResolvers<void>()
  const answer = async (request: TftpRequest): Promise<TftpAnswer> => {
    if (request.blksize === undefined) return publishedFile(request)
    await new Promise<void>((resolve) => {
      if (awaited.push(resolve) === 3) arrived.resolve()
    })
    return publishedFile(request)
  }
  await using server = await running({ answer, limits: { perClient: 2 } })
  await using hasty = await client()
  await using reader = await client()
  for (const blksize of [500, 600, 700]) hasty.send(rrq('even', `blksize=${blksize}`), server.port)
  await arrived.promise
  assertFile(await download(reader, server.port, rrq('even')), 'even')
  for (const resolve of awaited) resolve()
  const oack = await hasty.next()
  assert.equal(toHex(oack.bytes), toHex(octets('\0\x06blksize\x00700\0')))
  assert.equal(hasty.unread, 0)
})

test('a client that starts over in the middle is served anew', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  const request = rrq('undionly.kpxe')
  reader.send(request, server.port)
  for (let block = 1; block <= 3; block++) reader.send(ack(block), (await reader.next()).port)
  await reader.next()
  assertFile(await download(reader, server.port, request), 'undionly.kpxe')
  await server.until('done')
  assert.deepEqual(
    server.story.map((happening) => [happening['kind'], happening['reason']]),
    [
      ['start', undefined],
      ['failed', 'the client started over'],
      ['start', undefined],
      ['done', undefined],
    ],
  )
})

test('an ERROR of the client is told, safe to print', PATIENCE, async () => {
  await using server = await running()
  await using reader = await client()
  reader.send(rrq('undionly.kpxe'), server.port)
  const { port } = await reader.next()
  reader.send(ack(1), port)
  await reader.next()
  reader.send(encodeTftp({ kind: 'error', code: 3, message: 'full\n\xff' }), port)
  const failed = await server.until('failed')
  assert.ok(failed.kind === 'failed')
  assert.equal(failed.reason, 'the client sent error 3: full\\x0a\\xff')
  assert.equal(failed.bytes, 512)
})

test(
  'R-14 a client at its limit waits, unless one of its transfers has nothing to lose',
  PATIENCE,
  async () => {
    await using server = await running({ limits: { perClient: 2 } })
    await using one = await client()
    await using two = await client()
    await using three = await client()
    const ports: number[] = []
    for (const busy of [one, two]) {
      busy.send(rrq('undionly.kpxe'), server.port)
      const { port } = await busy.next()
      busy.send(ack(1), port)
      await busy.next()
      ports.push(port)
    }
    three.send(rrq('even'), server.port)
    const refused = await server.until('refused')
    assert.ok(refused.kind === 'refused')
    assert.equal(refused.reason, 'too many transfers')
    // The first client gives up; asked again, the server has room. Nothing was answered in between.
    one.send(encodeTftp({ kind: 'error', code: 0, message: '' }), ports[0] ?? 0)
    await server.until('failed')
    assert.equal(three.unread, 0)
    assertFile(await download(three, server.port, rrq('even')), 'even')
    // Silent requests give way to the next, so a client can always have one that works.
    for (const name of ['even', 'empty', 'boot/x64/small']) {
      await using silent = await client()
      silent.send(rrq(name, 'tsize=0'), server.port)
      await silent.next()
    }
    assertFile(await download(three, server.port, rrq('even')), 'even')
  },
)

test(
  'R-14 when the table is full of clients that never answered, the oldest gives way',
  PATIENCE,
  async () => {
    await using server = await running({ limits: { transfers: 3 } })
    await using reader = await client()
    const silent: Client[] = []
    for (let i = 2; i <= 6; i++) {
      const next = await client(`127.0.0.${i}`)
      silent.push(next)
      next.send(rrq('even', 'tsize=0'), server.port)
      await next.next()
    }
    assertFile(await download(reader, server.port, rrq('undionly.kpxe')), 'undionly.kpxe')
    const evicted = server.seen.filter((observation) => observation.kind === 'failed')
    assert.deepEqual(
      evicted.map((observation) => observation.client.address),
      ['127.0.0.2', '127.0.0.3', '127.0.0.4'],
    )
    for (const next of silent) await next[Symbol.asyncDispose]()
  },
)

test('when the table is full of clients that read, a new one waits', PATIENCE, async () => {
  await using server = await running({ limits: { transfers: 1 } })
  await using busy = await client()
  await using other = await client('127.0.0.2')
  busy.send(rrq('undionly.kpxe'), server.port)
  busy.send(ack(1), (await busy.next()).port)
  await busy.next()
  other.send(rrq('even'), server.port)
  await server.until('refused')
  assert.equal(other.unread, 0)
})

test(
  'a defect behind the answer is the client’s error 0 and a fault, and the server goes on',
  PATIENCE,
  async () => {
    const defect = new Error('no such table')
    const answer = (request: TftpRequest): Promise<TftpAnswer> =>
      request.names.includes('bad') ? Promise.reject(defect) : publishedFile(request)
    await using server = await running({ answer })
    await using reader = await client()
    assert.equal(await download(reader, server.port, rrq('bad')), '0 Internal error')
    assertFile(await download(reader, server.port, rrq('even')), 'even')
    assert.deepEqual(server.story.slice(0, 2), [
      { kind: 'fault', error: defect },
      { kind: 'failed', name: 'bad', bytes: 0, reason: 'internal error' },
    ])
  },
)

test('no socket for a transfer: error 0, and the next one is served', PATIENCE, async () => {
  let failures = 1
  const openTransferSocket = async (): Promise<TransferSocket> => {
    if (failures-- > 0) throw new Error('EMFILE')
    return { socket: await bound() }
  }
  await using server = await running({ openTransferSocket })
  await using reader = await client()
  assert.equal(await download(reader, server.port, rrq('even')), '0 Internal error')
  assertFile(await download(reader, server.port, rrq('even')), 'even')
})

test('an observer that throws disturbs nobody', PATIENCE, async () => {
  const observe = (): void => {
    throw new Error('observer')
  }
  await using server = await running({ observe })
  await using reader = await client()
  assertFile(await download(reader, server.port, rrq('undionly.kpxe')), 'undionly.kpxe')
})

test('a datagram that cannot leave is observed', PATIENCE, async () => {
  await using server = await running({ address: LOOPBACK })
  // A socket bound to the loopback cannot send to a documentation address (RFC 5737).
  const from = { address: '192.0.2.1', port: 2000, family: 'IPv4', size: 0 }
  server.socket.emit('message', Buffer.from(rrq('even')), from)
  const failed = await server.until('send-failed')
  assert.ok(failed.kind === 'send-failed')
  assert.equal(failed.name, 'even')
})

test('close tells the clients and ends', PATIENCE, async () => {
  const server = await running()
  await using reader = await client()
  reader.send(rrq('undionly.kpxe'), server.port)
  const { port } = await reader.next()
  reader.send(ack(1), port)
  await reader.next()
  await server.server.close()
  await server.server.close()
  assert.deepEqual(packetOf(await reader.next()), {
    kind: 'error',
    code: 0,
    message: 'Server is shutting down',
  })
  const reasons = server.story.filter((happening) => happening['kind'] === 'failed').map((h) => h['reason'])
  assert.deepEqual(reasons, ['the server closes'])
  assert.throws(() => server.socket.address())
})

test('close while an answer is awaited leaves nothing open', PATIENCE, async () => {
  let give: (answer: TftpAnswer) => void = () => {}
  const asked = Promise.withResolvers<void>()
  const answer = (): Promise<TftpAnswer> => {
    asked.resolve()
    return new Promise((resolve) => {
      give = resolve
    })
  }
  let opened = 0
  const openTransferSocket = async (): Promise<TransferSocket> => {
    opened += 1
    return { socket: await bound() }
  }
  const server = await running({ answer, openTransferSocket })
  await using reader = await client()
  reader.send(rrq('even'), server.port)
  await asked.promise
  await server.server.close()
  give({ kind: 'file', name: 'even', content: content(1024) })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(opened, 0)
  assert.deepEqual(server.story, [])
})

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

test('T33: 64 transfers at once', PATIENCE, async () => {
  await using server = await running({ limits: { perClient: 64 } })
  const clients = await Promise.all(Array.from({ length: 64 }, () => client()))
  const request = rrq('undionly.kpxe', 'blksize=1468')
  const files = await Promise.all(clients.map((reader) => download(reader, server.port, request)))
  for (const file of files) assertFile(file, 'undionly.kpxe')
  for (const reader of clients) await reader[Symbol.asyncDispose]()
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

/** Where a program is, or undefined. */
function installed(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, program)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not here.
    }
  }
  return undefined
}

const INTEROP: readonly (readonly [
  program: string,
  name: string,
  args: (port: number, to: string) => readonly string[],
])[] = [
  ['curl', 'its own options', (port, to) => ['-sS', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`]],
  [
    'curl',
    'no options',
    (port, to) => ['-sS', '--tftp-no-options', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`],
  ],
  [
    'curl',
    'blksize 1468',
    (port, to) => ['-sS', '--tftp-blksize', '1468', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`],
  ],
  [
    'curl',
    'blksize 65464',
    (port, to) => ['-sS', '--tftp-blksize', '65464', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`],
  ],
  [
    'busybox',
    'blksize 1468',
    (port, to) => ['tftp', '-g', '-b', '1468', '-l', to, '-r', 'ipxe-x86_64.efi', LOOPBACK, `${port}`],
  ],
  [
    'atftp',
    'windowsize 16',
    (port, to) => [
      ...['--option', 'windowsize 16', '--option', 'blksize 1468', '-g', '-r', 'ipxe-x86_64.efi'],
      ...['-l', to, LOOPBACK, `${port}`],
    ],
  ],
  [
    'tftp',
    'tftp-hpa',
    (port, to) => ['-m', 'binary', LOOPBACK, `${port}`, '-c', 'get', 'ipxe-x86_64.efi', to],
  ],
]

for (const [program, name, args] of INTEROP) {
  const file = installed(program)
  const skip = file === undefined ? `${program} is not installed` : false
  test(`${program}, ${name}, reads the file`, { ...PATIENCE, skip }, async () => {
    await using server = await running()
    const folder = mkdtempSync(join(tmpdir(), 'tftp-'))
    try {
      const to = join(folder, 'got')
      await promisify(execFile)(file ?? program, args(server.port, to), { timeout: 8_000 })
      assertFile(readFileSync(to), 'ipxe-x86_64.efi')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

const curl = installed('curl')
test('curl says that a file is missing', {
  ...PATIENCE,
  skip: curl === undefined ? 'curl is not installed' : false,
}, async () => {
  await using server = await running()
  const url = `tftp://127.0.0.1:${server.port}/missing`
  // 68: TFTP file not found.
  await assert.rejects(promisify(execFile)(curl ?? 'curl', ['-sS', url], { timeout: 8_000 }), { code: 68 })
})
