/**
 * Run in the client's namespace: `first-offer.ts RELAY SERVER MAC`. Sends a relayed DISCOVER every few milliseconds until
 * an OFFER comes, and prints the moment: nanoseconds of the monotonic clock, which all processes share.
 */
import { createSocket } from 'node:dgram'
import { ANY_ADDRESS, parseIpv4 } from '../src/lib/ipv4.ts'
import { macToBytes, parseMac } from '../src/lib/mac.ts'
import { decodeDhcp4 } from '../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../src/protocol/dhcp4/encode.ts'
import { blankMessage } from '../src/protocol/dhcp4/message.ts'
import { messageTypeValue } from '../src/protocol/dhcp4/option-values.ts'
import { messageType } from '../src/protocol/dhcp4/options.ts'
import { OPTION } from '../src/protocol/iana/options.ts'

const INTERVAL_MS = 10
const PORT = 67

const [relay = '', server = '', clientMac = ''] = process.argv.slice(2)
const mac = parseMac(clientMac)
if (mac === undefined) throw new Error(`${clientMac} is no MAC address`)
const chaddr = new Uint8Array(16)
chaddr.set(macToBytes(mac))
const discover = encodeDhcp4({
  ...blankMessage('request'),
  xid: 0x0b_5e_00_01,
  hops: 1,
  giaddr: parseIpv4(relay) ?? ANY_ADDRESS,
  chaddr,
  options: [{ code: OPTION.messageType, data: messageTypeValue('DISCOVER') }],
})

const socket = createSocket('udp4')
socket.on('message', (bytes) => {
  const decoded = decodeDhcp4(bytes)
  if (!decoded.ok || messageType(decoded.value) !== 'OFFER') return
  process.stdout.write(`${process.hrtime.bigint()}\n`)
  process.exit(0)
})
socket.bind(PORT, relay, () => {
  process.stdout.write('sending\n')
  setInterval(() => socket.send(discover, PORT, server), INTERVAL_MS)
})
