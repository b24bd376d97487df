/** The server of the worked packets, from octets to octets, on the world's clock. */
import assert from 'node:assert/strict'
import { answerDhcp } from '../../src/app/answer-dhcp.ts'
import type { Running } from '../../src/app/running.ts'
import type { ServedNetwork } from '../../src/app/served-network.ts'
import type { DhcpSender } from '../../src/app/think-dhcp.ts'
import type { DhcpReply } from '../../src/boot/reply-dhcp.ts'
import { formatIpv4, ipv4FromU32, parseSubnet } from '../../src/lib/ipv4.ts'
import type { Mac } from '../../src/lib/mac.ts'
import { macToBytes } from '../../src/lib/mac.ts'
import { toHex } from '../../src/lib/text.ts'
import type { Network } from '../../src/model/config.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { ipv4Value } from '../../src/protocol/dhcp4/option-values.ts'
import { optionBytes } from '../../src/protocol/dhcp4/options.ts'
import { vector } from './dhcp-fixtures.ts'
import { MemoryStore, running } from './memory.ts'
import { ip, mac, network, pool, type WorldBuilder, world } from './world.ts'

export const CLIENT = mac('52:54:00:12:34:56')
export const STRANGER = mac('52:54:00:aa:bb:cc')
const { interface: _, ...BEHIND } = network('198.51.100.0/24', {
  name: 'behind',
  pools: pool('198.51.100.50-198.51.100.99'),
  options: { router: ip('198.51.100.1') },
})
const { interface: __, ...FAR } = network('203.0.113.0/24', {
  name: 'far',
  pools: pool('203.0.113.50-203.0.113.99'),
})

export interface Scene {
  readonly there: WorldBuilder
  readonly store: MemoryStore
  readonly running: Running
  readonly on: ServedNetwork
  readonly send: (
    message: DhcpMessage | Uint8Array,
    sender?: number | DhcpSender,
  ) => Promise<DhcpReply | undefined>
}

/** The server of the worked packets: 192.0.2.2 of 192.0.2.0/24, pool .50 to .99, .50 reserved, two networks behind relays. */
export function scene(changes: Partial<Network> = {}, behind: readonly Network[] = [BEHIND, FAR]): Scene {
  const subnet = parseSubnet('192.0.2.0/24')
  assert.ok(subnet.ok)
  const there = world()
    .network({
      subnet: subnet.value,
      address: ip('192.0.2.2'),
      pools: pool('192.0.2.50-192.0.2.99'),
      options: { router: ip('192.0.2.1'), dns: [ip('192.0.2.1')] },
      ...changes,
    })
    .server('192.0.2.2')
    .node('node7', CLIENT, { address: '192.0.2.50' })
  const store = new MemoryStore()
  const made = running(there, store)
  const { picture } = made.running
  made.running.picture = {
    ...picture,
    config: { ...picture.config, networks: [...picture.config.networks, ...behind] },
  }
  return {
    there,
    store,
    ...made,
    send: (message, sender) =>
      answerDhcp(
        message instanceof Uint8Array ? message : encodeDhcp4(message),
        made.on,
        made.running,
        typeof sender === 'number' ? { sourcePort: sender } : sender,
      ),
  }
}

/** The worked packet of that name. */
export function decoded(name: string): DhcpMessage {
  const message = decodeDhcp4(vector(name).bytes)
  assert.ok(message.ok)
  return message.value
}

/** The message with these options, in hex, instead of its own; `''` takes one out. */
export function withOptions(message: DhcpMessage, options: Readonly<Record<number, string>>): DhcpMessage {
  const kept = message.options.filter(({ code }) => !(code in options))
  const added = Object.entries(options).flatMap(([code, octets]) =>
    octets === '' ? [] : [{ code: Number(code), data: new Uint8Array(Buffer.from(octets, 'hex')) }],
  )
  return { ...message, options: [...kept, ...added] }
}

/** The same message of another client. */
export function from(message: DhcpMessage, client: Mac): DhcpMessage {
  const chaddr = new Uint8Array(16)
  chaddr.set(macToBytes(client))
  return { ...message, chaddr }
}

/** An address as an option has it. */
export function hexOf(address: string): string {
  return toHex(ipv4Value(ip(address)))
}

/** `kind address port`, as far as the destination has them. */
export function where(reply: DhcpReply | undefined): string {
  return Object.values(reply?.destination ?? { kind: 'silence' })
    .map((part) => (typeof part === 'number' && part > 65_535 ? formatIpv4(ipv4FromU32(part)) : String(part)))
    .join(' ')
}

/** The value of an option in hex; empty where there is none. */
export function option(reply: DhcpReply | undefined, code: number): string {
  return toHex(optionBytes(reply?.message ?? decoded('P1'), code) ?? new Uint8Array())
}

/** 0.0.0.0 where there is no reply. */
export function yiaddr(reply: DhcpReply | undefined): string {
  return formatIpv4(reply?.message.yiaddr ?? ip('0.0.0.0'))
}

/** The octets that answer these octets. */
export async function octets(bytes: Uint8Array): Promise<string> {
  const reply = await scene().send(bytes)
  return reply === undefined ? 'silence' : toHex(encodeDhcp4(reply.message))
}

/** A network whose addresses are another server's. */
export const proxied = (changes: Partial<Network> = {}): Scene => scene({ dhcp: 'proxy', ...changes })
/** The octets of a text, in hex. */
export function hexText(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

export { BEHIND }
