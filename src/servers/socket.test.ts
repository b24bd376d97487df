import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Ipv4 } from '../lib/ipv4.ts'
import { openBatchedUdp, openUdp, SocketError } from './socket.ts'

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

test('what the kernel had no room for is counted', async (t) => {
  const options = { address: '127.0.0.1', port: 0 }
  const [to, from] = [await openBatchedUdp(options), await openBatchedUdp(options)]
  const { port } = to.socket.address()
  const [receiving, sending] = [to.batch, from.batch]
  t.after(() => {
    for (const { batch, socket } of [to, from]) {
      batch?.close()
      socket.close()
    }
  })
  if (receiving === undefined || sending === undefined) return t.skip('no koffi')
  const loopback = 0x7f00_0001 as Ipv4
  let sent = 0
  let received = 0
  const send = (): void => {
    if (sending.send(new Uint8Array(1400), loopback, port).ok) sent += 1
  }
  const take = (): void => {
    for (let got = -1; got !== 0; received += got) got = receiving.receive().length
  }
  // Nothing is awaited, so dgram takes none.
  send()
  take()
  assert.deepEqual([received, receiving.lost], [1, 0])
  for (let i = 0; i < 8000; i += 1) send()
  take()
  send()
  take()
  assert.ok(receiving.lost > 0)
  assert.equal(received + receiving.lost, sent)
})
