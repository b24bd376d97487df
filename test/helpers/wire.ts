/** DHCP messages, good and bad, from another host of the test's network, and what a capture there sees of the replies. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { type Ipv4, parseIpv4 } from '../../src/lib/ipv4.ts'
import { macToBytes, parseMac } from '../../src/lib/mac.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { BROADCAST_FLAG, blankMessage, type DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import type { MessageType } from '../../src/protocol/dhcp4/message-types.ts'
import { ipv4Value, messageTypeValue } from '../../src/protocol/dhcp4/option-values.ts'
import { messageType } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp, type UdpFrame } from '../../src/protocol/frame/ipv4-udp.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import type { Capture, Host } from './netns.ts'

const PROGRAM = path.join(import.meta.dirname, 'udp-wire.ts')
const SERVER_PORT = 67
const CLIENT_PORT = 68
/** DHCP, and PXE's boot server. */
const SERVER_PORTS: readonly number[] = [SERVER_PORT, 4011]
const BROADCAST = '255.255.255.255'

export interface Reply {
  readonly type: MessageType | undefined
  readonly message: DhcpMessage
  readonly frame: UdpFrame
}

export class Wire {
  readonly capture: Capture
  readonly #sender: ChildProcess
  #marks = 0

  /** undefined when tcpdump is not installed. */
  static async open(host: Host, interfaceName: string): Promise<Wire | undefined> {
    const capture = await host.capture(interfaceName)
    if (capture === undefined) return undefined
    const inside = [`--net=/run/netns/${host.name}`, '--', process.execPath, PROGRAM, interfaceName]
    return new Wire(capture, spawn('nsenter', inside, { stdio: ['pipe', 'inherit', 'inherit'] }))
  }

  private constructor(capture: Capture, sender: ChildProcess) {
    this.capture = capture
    this.#sender = sender
  }

  /** Ends sender and capture, so that the port is free for another client. */
  async close(): Promise<void> {
    const ended = once(this.#sender, 'close')
    this.#sender.stdin?.end()
    await Promise.all([ended, this.capture.stop()])
  }

  send(bytes: Uint8Array, port = SERVER_PORT, address = BROADCAST, sourcePort = CLIENT_PORT): void {
    this.#sender.stdin?.write(`${sourcePort} ${address} ${port} ${Buffer.from(bytes).toString('hex')}\n`)
  }

  /** Resolves when everything sent before has passed the interface. */
  async flush(): Promise<void> {
    this.#marks += 1
    const text = Buffer.from(`mark ${this.#marks}`)
    await repeating(
      () => this.send(text, 9),
      () => this.capture.waitFor((frame) => Buffer.from(frame).includes(text)),
    )
  }

  /** Everything seen from a server's port until now. */
  replies(): readonly Reply[] {
    return this.capture.frames.flatMap((frame) => readReply(frame) ?? [])
  }

  /** The first reply to this transaction, seen or still to come. */
  async reply(xid: number, type?: MessageType): Promise<Reply> {
    const isIt = (reply: Reply | undefined): boolean =>
      reply?.message.xid === xid && (type === undefined || reply.type === type)
    const reply = readReply(await this.capture.waitFor((frame) => isIt(readReply(frame))))
    assert.ok(reply)
    return reply
  }

  /** Sends a message, again every second as clients do, until its reply comes. */
  ask(message: DhcpMessage): Promise<Reply> {
    const bytes = encodeDhcp4(message)
    return repeating(
      () => this.send(bytes),
      () => this.reply(message.xid),
    )
  }
}

async function repeating<T>(send: () => void, wait: () => Promise<T>): Promise<T> {
  send()
  const timer = setInterval(send, 1000)
  try {
    return await wait()
  } finally {
    clearInterval(timer)
  }
}

function readReply(frame: Uint8Array): Reply | undefined {
  const parsed = parseEthernetUdp(frame)
  if (!parsed.ok || !SERVER_PORTS.includes(parsed.value.sourcePort)) return undefined
  const message = decodeDhcp4(parsed.value.payload)
  return message.ok
    ? { type: messageType(message.value), message: message.value, frame: parsed.value }
    : undefined
}

let lastXid = 0x7e570000

/** A client's message that asks for replies by broadcast, with a transaction of its own. */
export function clientMessage(
  type: MessageType,
  mac: string,
  {
    address,
    server,
    current,
  }: { readonly address?: string; readonly server?: string; readonly current?: string } = {},
): DhcpMessage {
  const parsed = parseMac(mac)
  assert.ok(parsed)
  lastXid += 1
  const chaddr = new Uint8Array(16)
  chaddr.set(macToBytes(parsed))
  return {
    ...blankMessage('request'),
    xid: lastXid,
    flags: current === undefined ? BROADCAST_FLAG : 0,
    ciaddr: ip(current ?? '0.0.0.0'),
    chaddr,
    options: [
      { code: OPTION.messageType, data: messageTypeValue(type) },
      ...(address === undefined ? [] : [{ code: OPTION.requestedAddress, data: ipv4Value(ip(address)) }]),
      ...(server === undefined ? [] : [{ code: OPTION.serverIdentifier, data: ipv4Value(ip(server)) }]),
    ],
  }
}

export function ip(text: string): Ipv4 {
  const address = parseIpv4(text)
  assert.ok(address !== undefined, text)
  return address
}
