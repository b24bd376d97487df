import type { Command } from 'commander'
import { BOOT_SERVER_PORT } from '../boot/decide-proxy.ts'
import type { SupposedMessage } from '../boot/suppose.ts'
import { type Ipv4, parseIpv4 } from '../lib/ipv4.ts'
import type { DhcpOption } from '../protocol/dhcp4/message.ts'
import { CliError, EXIT } from './exit-codes.ts'

/** The flags that make another DHCP message of the supposed DISCOVER. */
export interface MessageFlags {
  readonly message: string
  readonly requested?: string
  readonly serverId?: string
  readonly ciaddr?: string
  readonly giaddr?: string
  readonly clientId?: string
  readonly circuitId?: string
  readonly remoteId?: string
  readonly option?: readonly string[]
  readonly port?: string
}

const MESSAGES = ['DISCOVER', 'REQUEST', 'DECLINE', 'RELEASE', 'INFORM', 'BOOTP'] as const

/** The options that `readMessage` and `readPort` read; their values are checked there, not by commander. */
export function addMessageOptions(command: Command): Command {
  return command
    .option('--message <type>', 'discover, request, decline, release, inform or bootp', 'discover')
    .option('--requested <address>', 'the address it asks for (option 50)')
    .option('--server-id <address>', 'the server it chose (option 54)')
    .option('--ciaddr <address>', 'the address it has and renews')
    .option('--giaddr <address>', 'the relay that passed it on')
    .option('--client-id <hex>', 'its client identifier (option 61)')
    .option('--circuit-id <id>', 'the port by which the relay heard it (option 82.1): text, or hex as 0x0a0b')
    .option('--remote-id <id>', 'the relay or line (option 82.2), likewise')
    .option(
      '--option <code=value...>',
      'another option in place of its own: 60=onie_vendor:x, 93=0x7fff; 77= leaves it out',
    )
    .option('--port <number>', 'the port of ours that it asks: 67 or 4011')
}

/** The message that the flags describe; a CliError names the flag that is wrong. */
export function readMessage(flags: MessageFlags): SupposedMessage {
  const type = MESSAGES.find((one) => one === flags.message.toUpperCase())
  if (type === undefined)
    throw usage(`--message: expected ${MESSAGES.join(', ').toLowerCase()}, got "${flags.message}"`)
  const parts = {
    requested: address('--requested', flags.requested),
    server: address('--server-id', flags.serverId),
    ciaddr: address('--ciaddr', flags.ciaddr),
    giaddr: address('--giaddr', flags.giaddr),
    clientId: octets(
      '--client-id',
      flags.clientId === undefined ? undefined : `0x${flags.clientId.replace(/^0x/, '')}`,
    ),
    circuitId: octets('--circuit-id', flags.circuitId),
    remoteId: octets('--remote-id', flags.remoteId),
  }
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
  return { type, ...given, options: (flags.option ?? []).map(readOption) }
}

function readOption(text: string): DhcpOption {
  const [, digits = '', value = ''] = /^([0-9]{1,3})=(.*)$/s.exec(text) ?? []
  const code = Number(digits)
  if (digits === '' || code < 1 || code > 254)
    throw usage(`--option: expected CODE=VALUE with a code from 1 to 254, such as 77=iPXE, got "${text}"`)
  const data = octets('--option', value) ?? new Uint8Array()
  if (data.length > 255) throw usage(`--option: expected at most 255 octets, got ${data.length}`)
  return { code, data }
}

/** 67 and 4011 are the ports on which DHCP is served (RFC 2131 §4.1, PXE 2.1 §2.2.4). */
export function readPort({ port }: MessageFlags): { readonly port?: number } {
  if (port === undefined || port === '67') return {}
  if (port !== '4011') throw usage(`--port: expected 67 or 4011, got "${port}"`)
  return { port: BOOT_SERVER_PORT }
}

function address(flag: string, text: string | undefined): Ipv4 | undefined {
  if (text === undefined) return undefined
  const parsed = parseIpv4(text)
  if (parsed === undefined) throw usage(`${flag}: expected an IPv4 address, got "${text}"`)
  return parsed
}

function octets(flag: string, text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined
  const hex = /^0x(?<digits>(?:[0-9a-f]{2})+|)$/i.exec(text.replace(/[:-]/g, ''))?.groups?.['digits']
  if (text.startsWith('0x') && hex === undefined)
    throw usage(`${flag}: expected pairs of hex digits, got "${text}"`)
  return hex === undefined ? new TextEncoder().encode(text) : new Uint8Array(Buffer.from(hex, 'hex'))
}

function usage(text: string): CliError {
  return new CliError(text, EXIT.usage)
}
