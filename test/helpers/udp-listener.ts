/** Prints `listening`, then the text of every datagram at the port given as argument. */
import dgram from 'node:dgram'

const socket = dgram.createSocket('udp4')
socket.on('message', (bytes) => console.log(bytes.toString()))
socket.bind(Number(process.argv[2]), () => console.log('listening'))
