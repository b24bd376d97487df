import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../../test/helpers/state.ts'
import { world } from '../../test/helpers/world.ts'
import { CONTROL_SOCKET } from '../daemon/server.ts'
import type { Config } from '../model/config.ts'
import { CliError } from './exit-codes.ts'
import { askServer } from './state.ts'

/** The configuration of a server that says this to whoever asks over its control socket, and ends. */
async function answering(t: TestContext, answer: string): Promise<Config> {
  const stateDir = temporaryDirectory(t)
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer))
  })
  await new Promise<void>((resolve) => server.listen(join(stateDir, CONTROL_SOCKET), resolve))
  t.after(() => server.close())
  const config = world().config()
  return { ...config, server: { ...config.server, stateDir } }
}

test('a server that ends in the middle of its answer is told of, with what to do', async (t) => {
  const config = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status":')
  await assert.rejects(askServer(config, 'GET', '/v1/status'), (error) => {
    assert.ok(error instanceof CliError)
    assert.match(
      error.message,
      /^the server at \/.*\/control\.sock ended in the middle of its answer \(aborted\): .*ask again when it runs$/,
    )
    return true
  })
})

test('an answer that is no JSON is told of, and shown without its control characters', async (t) => {
  const config = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n<\x1b[2J>ok')
  await assert.rejects(askServer(config, 'GET', '/v1/status'), (error) => {
    assert.ok(error instanceof CliError)
    assert.match(
      error.message,
      /^what answers at \/.*\/control\.sock does not speak JSON: "<\\x1b\[2J>ok"; is it /,
    )
    return true
  })
})

test('where no server runs, the socket that was tried is named', async (t) => {
  const config = world().config()
  const stateDir = temporaryDirectory(t)
  await assert.rejects(
    askServer({ ...config, server: { ...config.server, stateDir } }, 'GET', '/v1/status'),
    /^CliError: no server answers at \/.*\/control\.sock: .*ENOENT/,
  )
})
