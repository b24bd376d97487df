/**
 * Sends what it is told on stdin, a datagram a line: SOURCE-PORT DESTINATION-ADDRESS PORT HEX. The argument is the
 * interface by which broadcasts leave. What comes back is for a capture to see; it is read and dropped.
 */
import type { Socket } from 'node:dgram'
import { createInterface } from 'node:readline'
import { openUdp } from '../../src/servers/socket.ts'

const name = process.argv[2] ?? ''
const sockets = new Map<number, Socket>()
for await (const line of createInterface({ input: process.stdin })) {
  const [source = '', address = '', port = '', hex = ''] = line.split(' ')
  const socket =
    sockets.get(Number(source)) ??
    (await openUdp({ address: '0.0.0.0', port: Number(source), interface: name, broadcast: true }))
  sockets.set(Number(source), socket)
  await new Promise((resolve) => socket.send(Buffer.from(hex, 'hex'), Number(port), address, resolve))
}
process.exit(0)
