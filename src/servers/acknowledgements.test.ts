import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, connect as secureConnect, TLSSocket } from 'node:tls'
import { Acknowledgements } from './acknowledgements.ts'
import { ownDescriptor } from './own-descriptor.ts'
import { readSendQueues } from './send-queues.ts'

const PATIENCE = { timeout: 20_000 }
/** Octets: all of it goes into the kernel's queues at once, and more than the receiver's has room for. */
const MUCH = 600_000

/** A connection to a client that takes nothing until it is told to. */
async function scene() {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connected = once(server, 'connection')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  const [socket]: Socket[] = await connected
  assert.ok(socket)
  const closed = once(socket, 'close').then(() => {})
  const end = (): void => {
    for (const one of [socket, client]) one.destroy()
    server.close()
  }
  return { socket, client, closed, end }
}

/** Resolves when the kernel has taken it. */
function write(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.write(Buffer.alloc(MUCH), resolve))
}

/** What has come of it after half a second: longer than the longest pause. */
function soon<T>(promise: Promise<T>): Promise<T | 'nothing yet'> {
  return Promise.race([promise, sleep(500, 'nothing yet' as const)])
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

for (const [name, sources] of [
  ['its descriptor', {}],
  ['the list of all connections', { descriptorOf: () => undefined }],
  ['its descriptor alone', { sendQueues: async () => undefined }],
] as const)
  test(`by ${name}: a client has acknowledged all when the kernel has no more for it`, PATIENCE, async () => {
    const before = descriptors()
    const { socket, client, closed, end } = await scene()
    const acknowledgements = new Acknowledgements(sources)
    assert.equal(await acknowledgements.of(socket, closed), true, 'nothing was written')
    await write(socket)
    const all = acknowledgements.of(socket, closed)
    assert.equal(await soon(all), 'nothing yet')
    client.resume()
    assert.equal(await all, true)
    end()
    await closed
    while (descriptors() > before) await sleep(5)
  })

test('the connection of a waiting one is closed as soon as ours is', PATIENCE, async () => {
  const { socket, client, closed, end } = await scene()
  await write(socket)
  const all = new Acknowledgements().of(socket, closed)
  assert.equal(await soon(all), 'nothing yet')
  socket.destroy()
  assert.equal(await all, false)
  client.on('error', () => {}).resume()
  await once(client, 'close')
  end()
})

test('what waits in this process is not acknowledged', PATIENCE, async () => {
  const { socket, closed, end } = await scene()
  socket.cork()
  socket.write('octet')
  const all = new Acknowledgements().of(socket, closed)
  assert.equal(await soon(all), 'nothing yet')
  socket.uncork()
  assert.equal(await all, true)
  end()
})

test('of a TLS connection the queue below it counts', PATIENCE, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'centra-acknowledgements-'))
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  )
  const secureContext = createSecureContext({ key: readFileSync(key), cert: readFileSync(cert) })
  rmSync(folder, { recursive: true })
  const { socket, client, closed, end } = await scene()
  const secure = new TLSSocket(socket, { isServer: true, secureContext })
  const reader = secureConnect({ socket: client, rejectUnauthorized: false })
  await Promise.all([once(reader, 'secureConnect'), once(secure, 'secure')])
  const acknowledgements = new Acknowledgements({ sendQueues: async () => undefined })
  await write(secure)
  const all = acknowledgements.of(secure, closed)
  assert.equal(await soon(all), 'nothing yet')
  reader.resume()
  assert.equal(await all, true)
  end()
})

test('what the kernel does not tell is no acknowledgement', PATIENCE, async () => {
  const { socket, closed, end } = await scene()
  const own = ownDescriptor(socket)
  assert.ok(own)
  const lists = [async () => undefined, async () => new Map(), () => Promise.reject(new Error('EMFILE'))]
  for (const sendQueues of lists) {
    const waiting = new Acknowledgements({ descriptorOf: () => undefined, sendQueues }).of(socket, closed)
    assert.equal(await soon(waiting), 'nothing yet')
  }
  const broken = { ...own, libc: { ...own.libc, ioctl: () => -1 }, close: () => {} }
  const all = new Acknowledgements({ descriptorOf: () => broken, sendQueues: async () => undefined })
  assert.equal(await soon(all.of(socket, closed)), 'nothing yet')
  own.close()
  end()
})

test(
  'without free descriptors nothing is acknowledged, and the client is asked again after that',
  PATIENCE,
  async () => {
    const { socket, client, closed, end } = await scene()
    await write(socket)
    const limit = (of: string): void => {
      execFileSync('prlimit', ['--pid', `${process.pid}`, `--nofile=${of}:`])
    }
    const usual = execFileSync('prlimit', [
      '--pid',
      `${process.pid}`,
      '--nofile',
      '-o',
      'SOFT',
      '--noheadings',
    ])
    limit('200')
    const taken: number[] = []
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'))
    } catch {}
    const all = new Acknowledgements().of(socket, closed)
    assert.equal(await soon(all), 'nothing yet')
    client.resume()
    assert.equal(await soon(all), 'nothing yet', 'nobody can tell')
    for (const one of taken) closeSync(one)
    limit(String(usual).trim())
    assert.equal(await all, true)
    end()
  },
)

test('the list of all connections is read once for all who wait for it', async () => {
  const both = [readSendQueues(), readSendQueues()]
  const [one, other] = await Promise.all(both)
  assert.ok(one !== undefined && one === other)
  assert.notEqual(await readSendQueues(), one)
})
