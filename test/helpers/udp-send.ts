/** Sends one datagram: SOURCE-ADDRESS DESTINATION-ADDRESS PORT TEXT; broadcasts leave by the source's interface. */
import dgram from 'node:dgram'

const [source = '', destination = '', port = '', text = ''] = process.argv.slice(2)
const socket = dgram.createSocket('udp4')
socket.bind({ address: source }, () => {
  socket.setBroadcast(true)
  socket.send(text, Number(port), destination, () => socket.close())
})
