import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { platform } from 'node:os'
import { test } from 'node:test'
import { boundInodes, portTaken } from './port-holder.ts'
import { openUdp } from './socket.ts'

const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  345: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 70581 2 0000000000000000 0
  346: 0100007F:0044 0100007F:0043 01 00000000:00000000 00:00000000 00000000     0        0 70582 2 0000000000000000 0
`

test('whoever is bound to a port, not who is connected to it', () => {
  assert.deepEqual(boundInodes(UDP, 67), ['socket:[70581]'])
  assert.deepEqual(boundInodes(UDP, 68), [])
  assert.deepEqual(boundInodes('', 67), [])
})

test('A17: the program that has a port is named', {
  skip: platform() !== 'linux' && 'reads /proc',
}, async () => {
  const own = `, pid ${process.pid}\\); stop it, or find it with`
  const udp = await openUdp({ address: '127.0.0.1', port: 0 })
  assert.match(portTaken('udp', udp.address().port), new RegExp(`has this port \\(.+${own} \`ss -lunp\``))
  udp.close()
  const tcp = createServer().listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const address = tcp.address()
  assert.ok(typeof address === 'object' && address !== null)
  assert.match(portTaken('tcp', address.port), new RegExp(`has this port \\(.+${own} \`ss -ltnp\``))
  tcp.close()
})
