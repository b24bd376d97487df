/**
 * Many DHCP clients in one process, behind one relay agent's address: LOCAL-ADDRESS SERVER. Every client repeats its
 * exchange DISCOVER, OFFER, REQUEST, ACK; replies come back to the giaddr, so that what is counted here did cross the wire.
 *
 * Lines on stdin: `go {json}` (`LoadPlan`) begins, `halt` ends, `send {json}` (`Burst`) sends a series of other packets at a
 * steady rate while the clients go on. Lines on stdout: `ACK mac address xid`, `NAK mac`, `MOVED mac from to`, `LOST mac`,
 * `sent N`, and `halted {json}` when every datagram that had arrived before has been read.
 */
import dgram from 'node:dgram'
import { createInterface } from 'node:readline'
import { formatIpv4, type Ipv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import type { MessageType } from '../../src/protocol/dhcp4/message-types.ts'
import { messageType } from '../../src/protocol/dhcp4/options.ts'
import { burstPackets } from './hostile.ts'
import type { Burst, LoadPlan } from './load.ts'
import { clientMessage, ip } from './wire.ts'

const [local = '', server = ''] = process.argv.slice(2)
const GIADDR = ip(local)
const RETRY_MS = 400
const TRIES = 12

interface Client {
  readonly mac: string
  address?: Ipv4
}

interface Exchange {
  readonly client: Client
  bytes: Uint8Array
  step: 'discover' | 'request'
  tries: number
  timer: NodeJS.Timeout
}

const clients: Client[] = []
const idle: Client[] = []
const exchanges = new Map<number, Exchange>()
let plan: LoadPlan = { atOnce: 0, fresh: 0, clients: 0, prefix: '02:c0' }
let going = false
let exchanged = 0
let offers = 0
let state = 20261123

const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 8 * 1024 * 1024 })
await new Promise<void>((resolve) => socket.bind({ address: local, port: 67 }, resolve))
socket.on('message', receive)
const marker = dgram.createSocket('udp4')
const marks = new Map<string, () => void>()

function below(limit: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  return Math.floor(((state >>> 0) / 2 ** 32) * limit)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function nextClient(): Client | undefined {
  const isFresh = idle.length === 0 || below(100) < plan.fresh
  if (isFresh && clients.length < plan.clients) {
    const n = clients.length
    const hex = [n >>> 16, n >>> 8, n].map((part) => (part & 255).toString(16).padStart(2, '0'))
    const client = { mac: `${plan.prefix}:00:${hex.join(':')}` }
    clients.push(client)
    return client
  }
  const index = below(idle.length)
  const last = idle.pop()
  const chosen = idle[index]
  if (chosen === undefined || last === undefined) return last
  idle[index] = last
  return chosen
}

function build(type: MessageType, mac: string, more: Parameters<typeof clientMessage>[2] = {}) {
  const message = clientMessage(type, mac, more)
  return { xid: message.xid, bytes: encodeDhcp4({ ...message, flags: 0, hops: 1, giaddr: GIADDR }) }
}

function begin(): void {
  const client = going ? nextClient() : undefined
  if (client !== undefined) start(client, 'discover', build('DISCOVER', client.mac))
}

function start(client: Client, step: Exchange['step'], { xid, bytes }: ReturnType<typeof build>): void {
  const timer = setInterval(() => again(xid), RETRY_MS)
  exchanges.set(xid, { client, bytes, step, tries: 1, timer })
  socket.send(bytes, 67, server)
}

function again(xid: number): void {
  const exchange = exchanges.get(xid)
  if (exchange === undefined) return
  exchange.tries += 1
  if (exchange.tries <= TRIES) socket.send(exchange.bytes, 67, server)
  else {
    say(`LOST ${exchange.client.mac}`)
    end(xid, 0)
  }
}

function end(xid: number, pauseMs = plan.pauseMs): void {
  const exchange = exchanges.get(xid)
  if (exchange === undefined) return
  clearInterval(exchange.timer)
  exchanges.delete(xid)
  idle.push(exchange.client)
  if (pauseMs === undefined) begin()
  else setTimeout(begin, pauseMs)
}

function receive(bytes: Buffer, { port }: dgram.RemoteInfo): void {
  marks.get(String(bytes))?.()
  if (port !== 67) return
  const decoded = decodeDhcp4(bytes)
  if (!decoded.ok) throw new Error(`the server sent something malformed: ${decoded.error.code}`)
  const { xid, yiaddr } = decoded.value
  const type = messageType(decoded.value)
  const exchange = exchanges.get(xid)
  if (type === 'OFFER') offers += 1
  // An ACK counts also when the client had given up: it was on the wire.
  if (type === 'ACK') say(`ACK ${macOf(bytes)} ${formatIpv4(yiaddr)} ${xid}`)
  if (exchange === undefined) return
  const { client, step } = exchange
  if (type === 'OFFER' && step === 'discover') {
    clearInterval(exchange.timer)
    exchanges.delete(xid)
    if (client.address !== undefined && client.address !== yiaddr)
      say(`MOVED ${client.mac} ${formatIpv4(client.address)} ${formatIpv4(yiaddr)}`)
    start(client, 'request', build('REQUEST', client.mac, { address: formatIpv4(yiaddr), server }))
  } else if (type === 'ACK' && step === 'request') {
    client.address = yiaddr
    exchanged += 1
    end(xid)
  } else if (type === 'NAK') {
    say(`NAK ${client.mac}`)
    end(xid)
  }
}

function macOf(bytes: Uint8Array): string {
  return [...bytes.subarray(28, 34)].map((octet) => octet.toString(16).padStart(2, '0')).join(':')
}

/** Replies wait in the socket in the order in which they came: what is read after our own mark came after it. */
async function halt(): Promise<void> {
  going = false
  for (const [xid, { timer, client }] of exchanges) {
    clearInterval(timer)
    exchanges.delete(xid)
    idle.push(client)
  }
  const mark = `mark ${performance.now()}`
  await new Promise<void>((resolve) => {
    marks.set(mark, resolve)
    marker.send(mark, 67, local)
  })
  marks.clear()
  say(`halted ${JSON.stringify({ exchanged, clients: clients.length, offers })}`)
}

/** `perSecond` as near as a timer of ten milliseconds comes. */
async function burst(asked: Burst): Promise<void> {
  const begun = performance.now()
  let sent = 0
  for (const { bytes, port } of burstPackets(asked, GIADDR)) {
    const from = port === 67 ? socket : marker
    from.send(bytes, port, server)
    sent += 1
    while (sent > ((performance.now() - begun) / 1000) * asked.perSecond)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }
  say(`sent ${sent}`)
}

for await (const line of createInterface({ input: process.stdin })) {
  const [word = '', ...rest] = line.split(' ')
  const told = rest.join(' ')
  if (word === 'halt') await halt()
  else if (word === 'send') void burst(JSON.parse(told) as Burst)
  else if (word === 'go') {
    plan = JSON.parse(told) as LoadPlan
    going = true
    for (let n = 0; n < plan.atOnce; n += 1) begin()
  }
}
process.exit(0)
