import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '../app/load-config.ts'
import {
  authorityFilesIn,
  createAuthority,
  type Issued,
  renewServer,
  TLS_FILES,
} from '../files/certificate-authority.ts'
import { LocalDisk } from '../files/disk.ts'
import { formatIpv4, type Ipv4, parseIpv4 } from '../lib/ipv4.ts'
import type { Config } from '../model/config.ts'
import { addressOn, lookAtHost } from '../servers/interfaces.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { printJson, say } from './output.ts'
import { enrolment } from './tls-enrolment.ts'
import { addTlsShow, certificateAt, certificateJson } from './tls-show.ts'
import { addTlsTrust } from './tls-trust.ts'

interface IssueFlags {
  readonly config?: string
  readonly dir?: string
  readonly name?: readonly string[]
  readonly address?: readonly string[]
  readonly days: string
  readonly json?: boolean
}

/** Of the authority: ten years. */
const AUTHORITY_DAYS = 3650
const SERVER_DAYS = '825'
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/

/** `tls init`, `renew`, `show` and `trust`: `init` and `renew` write keys and certificates; none needs a server. */
export function addTls(program: Command): void {
  const tls = program
    .command('tls')
    .summary('certificates for HTTPS boot')
    .description(
      'A certificate authority of your own, the certificate that the server shows, and who trusts it.',
    )
  addIssueOptions(tls.command('init'))
    .summary('make an authority and a certificate of the server')
    .description(
      'Makes a root that nobody else uses and a certificate for the addresses on which machines reach this server, and ' +
        'says how machines come to trust it. Never overwrites.',
    )
    .action(init)
  addIssueOptions(tls.command('renew'))
    .summary('a new certificate of the server, by the same authority')
    .description(
      'Keeps the key, the names and addresses of the old one, and adds those that are new. Machines need nothing new; a ' +
        'running server takes it by itself.',
    )
    .action(renew)
  addTlsShow(tls)
  addTlsTrust(tls)
}

function addIssueOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the configuration: its networks say which addresses the certificate is for')
    .option('--dir <dir>', 'where the files are; default: tls beside the configuration, or here')
    .option('--name <names...>', 'also these host names')
    .option(
      '--address <addresses...>',
      "also these addresses; without --config, default: all of this machine's",
    )
    .option('--days <number>', 'how long the certificate is valid', SERVER_DAYS)
    .option('--json', 'one JSON document on stdout')
}

async function init(flags: IssueFlags): Promise<void> {
  const config = await configOf(flags)
  const dir = folderOf(flags, config)
  const issued = readFlags(flags, config)
  const there = authorityFilesIn(dir)
  if (there.length > 0)
    throw new CliError(
      `${dir} has ${there.join(', ')} already; tls renew makes a new certificate, --dir chooses another folder`,
      EXIT.usage,
    )
  const authorityName = `Centra PXE CA of ${hostname()}`.slice(0, 64)
  attempt(dir, () => createAuthority(dir, { ...issued, authorityName, authorityDays: AUTHORITY_DAYS }))
  tell(dir, flags)
  if (flags.json !== true) say(enrolment(dir))
}

async function renew(flags: IssueFlags): Promise<void> {
  const config = await configOf(flags)
  const dir = folderOf(flags, config)
  const old = certificateAt(join(dir, TLS_FILES.server))
  const more = readFlags({ ...flags, address: flags.address ?? [] }, config)
  const addresses = old.addresses.flatMap((text) => parseIpv4(text) ?? [])
  attempt(dir, () =>
    renewServer(dir, {
      ...more,
      names: [...new Set([...old.names, ...more.names])],
      addresses: [...new Set([...addresses, ...more.addresses])],
    }),
  )
  tell(dir, flags)
}

function tell(dir: string, { json }: IssueFlags): void {
  const certificate = join(dir, TLS_FILES.server)
  const facts = certificateAt(certificate)
  if (json === true) {
    const authority = certificateAt(join(dir, TLS_FILES.authority))
    printJson({ dir, server: certificateJson(facts), authority: certificateJson(authority) })
    return
  }
  const until = new Date(facts.notAfter).toISOString().slice(0, 10)
  say(`wrote ${certificate}: for ${[...facts.addresses, ...facts.names].join(', ')}, until ${until}`)
}

/** Also one with errors: the files that it names are about to be made. */
async function configOf({ config: file }: IssueFlags): Promise<Config | undefined> {
  if (file === undefined) return undefined
  const { config, draft, problems } = await loadConfig(resolve(file), new LocalDisk())
  const found = config ?? draft
  if (found === undefined)
    throw new CliError(`${file} cannot be read: ${problems[0]?.message ?? 'no reason given'}`, EXIT.config)
  return found
}

function folderOf({ dir }: IssueFlags, config: Config | undefined): string {
  if (dir !== undefined) return resolve(dir)
  const certificate = config?.server.https?.certificate
  if (certificate !== undefined) return dirname(certificate)
  return resolve(config === undefined ? '.' : dirname(config.file), 'tls')
}

function readFlags(flags: IssueFlags, config: Config | undefined): Issued {
  const days = Number(flags.days)
  if (!Number.isInteger(days) || days < 1 || days > AUTHORITY_DAYS)
    throw new CliError(`--days: expected 1 to ${AUTHORITY_DAYS}, got "${flags.days}"`, EXIT.usage)
  const names = (flags.name ?? []).map((name) => {
    if (HOST_NAME.test(name) && parseIpv4(name) === undefined) return name
    throw new CliError(`--name: expected a host name such as boot.example.org, got "${name}"`, EXIT.usage)
  })
  const wished = flags.address?.map((text) => {
    const address = parseIpv4(text)
    if (address !== undefined) return address
    throw new CliError(`--address: expected an IPv4 address, got "${text}"`, EXIT.usage)
  })
  const found = config === undefined ? (wished ?? ownAddresses()) : [...servedOn(config), ...(wished ?? [])]
  const addresses = [...new Set(found)]
  const [first] = addresses
  const commonName = names[0] ?? (first === undefined ? undefined : formatIpv4(first))
  if (commonName === undefined && flags.address?.length !== 0)
    throw new CliError('no address is known: --address 10.77.0.1, or --config with networks', EXIT.usage)
  return { names, addresses, commonName: commonName ?? hostname(), days, now: Date.now() }
}

/** Ours on every network; of one without `address:`, the interface's. */
function servedOn({ networks }: Config): readonly Ipv4[] {
  return networks.flatMap(({ interface: name, subnet, address }) => {
    const ours = address ?? (name === undefined ? undefined : addressOn(name, subnet, undefined))
    return ours === undefined ? [] : [ours]
  })
}

function ownAddresses(): readonly Ipv4[] {
  return lookAtHost().interfaces.flatMap(({ subnets }) => subnets.flatMap(({ address }) => address ?? []))
}

function attempt(dir: string, work: () => void): void {
  try {
    work()
  } catch (error) {
    throw new CliError(`${dir}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
