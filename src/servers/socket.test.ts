import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { openUdp, SocketError } from './socket.ts'

// What needs interfaces and privileges is in test/net/socket.test.ts.

test('a socket without an interface is bound to its address', async () => {
  const socket = await openUdp({ address: '127.0.0.1', port: 0 })
  const { address, port } = socket.address()
  assert.equal(address, '127.0.0.1')
  await assert.rejects(openUdp({ address: '127.0.0.1', port }), (error) => {
    assert.ok(error instanceof SocketError)
    assert.equal(error.code, 'EADDRINUSE')
    assert.match(error.message, /^UDP 127\.0\.0\.1:\d+: another program has this port/)
    return true
  })
  socket.close()
  await once(socket, 'close')
})

test('an address that is not ours is EADDRNOTAVAIL', async () => {
  await assert.rejects(openUdp({ address: '192.0.2.77', port: 0 }), { code: 'EADDRNOTAVAIL' })
})

test('without koffi: sockets still open, and the reason is told', () => {
  const program = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === 'koffi') throw new Error("Cannot find module 'koffi'")
        return next(specifier, context)
      },
    })
    const { openUdp } = await import(${JSON.stringify(import.meta.resolve('./socket.ts'))})
    const { nativeSockets, openPacketSender } = await import(${JSON.stringify(import.meta.resolve('./packet-socket.ts'))})
    const socket = await openUdp({ address: '127.0.0.1', port: 0, interface: 'lo', broadcast: true })
    console.log(JSON.stringify([nativeSockets(), typeof openPacketSender('lo'), socket.address().address]))
    socket.close()`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  const [native, sender, address] = JSON.parse(output)
  assert.equal(native.available, false)
  assert.match(native.reason, /koffi/)
  assert.deepEqual([sender, address], ['undefined', '127.0.0.1'])
})
