import type { Command } from 'commander'
import type { Supposed } from '../app/explain.ts'
import { SMBIOS_FACTS, type SupposedClient } from '../boot/suppose.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import { archOfCode, archOfName, CLIENT_ARCHES, type ClientArch } from '../protocol/iana/arch.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { addMessageOptions, type MessageFlags, readMessage, readPort } from './explain-flags.ts'

/** The flags that say which client asks what. */
export interface ClientFlags extends MessageFlags {
  readonly mac?: string
  readonly arch: string
  readonly via: string
  readonly stage: string
  readonly choice?: string
  readonly failed?: string
  readonly errno?: string
  readonly script?: string | true
  readonly says?: readonly string[]
}

/** The options that `readClient` reads; their values are checked there, not by commander. */
export function addClientOptions(command: Command): Command {
  command
    .option('--mac <mac>', 'the machine')
    .option('--arch <name>', 'its client architecture (option 93), by name or number', 'bios-x86')
    .option('--via <question>', 'dhcp: where to boot from; http: which script to run', 'dhcp')
    .option('--stage <stage>', 'who asks over DHCP: rom, ipxe or os', 'rom')
  return addMessageOptions(command)
    .option('--choice <profile>', 'what somebody chose in the menu')
    .option(
      '--says <key=text...>',
      `what it says when it asks for its script: ${SMBIOS_FACTS.join(', ')}; serial=SN-0001`,
    )
    .option('--failed <step>', 'a step that failed on it: script, kernel, initrd, boot, menu')
    .option('--errno <hex>', "iPXE's number of that error, as in https://ipxe.org/2d0c613b")
    .option(
      '--script [form]',
      'print exactly the script that the machine gets: ipxe (default), grub or pxelinux',
    )
}

/** The client that the flags describe; a CliError names the flag that is wrong. */
export function readClient(flags: ClientFlags): SupposedClient & Pick<Supposed, 'port'> {
  const { choice, script, failed, mac } = flags
  if (choice !== undefined && !/^[a-z0-9][a-z0-9-]*$/.test(choice))
    throw new CliError(`--choice: expected a name of the menu, such as worker, got "${choice}"`, EXIT.usage)
  if (mac === undefined) throw new CliError('--mac: which machine? (or --pcap: a capture)', EXIT.usage)
  return {
    ...{ mac: readMac(mac), arch: readArch(flags.arch), message: readMessage(flags) },
    via: script === undefined && failed === undefined ? oneOf('--via', flags.via, ['dhcp', 'http']) : 'http',
    stage: oneOf('--stage', flags.stage, ['rom', 'ipxe', 'os']),
    ...(choice === undefined ? {} : { choice }),
    ...readFailed(flags),
    ...readSays(flags),
    ...readPort(flags),
    form: oneOf('--script', typeof script === 'string' ? script : 'ipxe', ['ipxe', 'grub', 'pxelinux']),
  }
}

function readFailed({ failed, errno }: ClientFlags): Pick<SupposedClient, 'failed'> {
  if (errno !== undefined && !/^(0x)?[0-9a-f]{1,8}$/i.test(errno))
    throw new CliError(`--errno: expected up to 8 hex digits, such as 2d0c613b, got "${errno}"`, EXIT.usage)
  if (failed === undefined) return {}
  return { failed: { step: failed, ...(errno === undefined ? {} : { errno }) } }
}

/** The server takes no other text for a UUID. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function readSays({ says = [] }: ClientFlags): Pick<SupposedClient, 'says'> {
  const pairs = says.map((text) => {
    const [, key = '', value = ''] = /^([a-z]+)=(.+)$/s.exec(text) ?? []
    const fact = SMBIOS_FACTS.find((one) => one === key)
    if (fact === undefined)
      throw new CliError(
        `--says: expected KEY=TEXT with a key of ${SMBIOS_FACTS.join(', ')}, got "${text}"`,
        EXIT.usage,
      )
    if (fact === 'uuid' && !UUID.test(value))
      throw new CliError(
        `--says: expected uuid=12345678-1234-5678-9abc-def012345678, got "${text}"`,
        EXIT.usage,
      )
    return [fact, value] as const
  })
  return pairs.length === 0 ? {} : { says: Object.fromEntries(pairs) }
}

function readArch(text: string): ClientArch {
  const row =
    archOfName(text) ?? (/^(0x[0-9a-f]+|[0-9]+)$/i.test(text) ? archOfCode(Number(text)) : undefined)
  if (row !== undefined) return row.name
  const names = CLIENT_ARCHES.map(({ name }) => name).join(', ')
  throw new CliError(`--arch: there is no architecture ${text}; there are ${names}`, EXIT.usage)
}

/** The value of `--mac`; a CliError (exit code 2) for what is no MAC address. */
export function readMac(text: string): Mac {
  const mac = parseMac(text)
  if (mac === undefined) throw new CliError(`--mac: expected a MAC address, got "${text}"`, EXIT.usage)
  return mac
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found === undefined)
    throw new CliError(`${flag}: expected ${allowed.join(' or ')}, got "${value}"`, EXIT.usage)
  return found
}
