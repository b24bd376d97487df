import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { serveHttp } from './http.ts'
import { loadLibc } from './libc.ts'

const skip = loadLibc().ok ? false : 'no FFI'

test('R-13: a server listens with 16 sockets on one port, all answer, and close frees the port', {
  skip,
}, async (t) => {
  const faults: unknown[] = []
  const open = (port: number): ReturnType<typeof serveHttp> =>
    serveHttp({
      ...{ host: '127.0.0.1', port },
      handle: async ({ peer }) => ({ kind: 'text', status: 200, headers: {}, body: peer }),
      onFault: (fault) => faults.push(fault),
    })
  const before = sockets()
  const server = await open(0)
  t.after(() => server.close(0))
  assert.equal(sockets() - before, 16)
  await assert.rejects(open(server.port), { code: 'EADDRINUSE' })
  const answers = await Promise.all(Array.from({ length: 64 }, () => ask(server.port)))
  assert.ok(answers.every((answer) => answer.startsWith('HTTP/1.1 200') && answer.endsWith('127.0.0.1')))
  // A child process would hold the port after our end.
  const inherited = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })
  assert.doesNotMatch(inherited, / (?:[3-9]|\d\d+) -> socket:/)
  await server.close(100)
  // The kernel's part of a close comes with the next turn of the event loop.
  for (let turns = 0; turns < 100 && sockets() > before; turns += 1) await setTimeout(10)
  assert.equal(sockets(), before)
  await (await open(server.port)).close(0)
  assert.deepEqual(faults, [])
})

async function ask(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port })
  socket.setEncoding('latin1').write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let text = ''
  socket.on('data', (part) => {
    text += String(part)
  })
  await once(socket, 'end')
  return text
}

function sockets(): number {
  const folder = '/proc/self/fd'
  return readdirSync(folder).filter((fd) => {
    try {
      return readlinkSync(`${folder}/${fd}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
}
