import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LAN } from './lan.ts'
import { type Found, findProgram, ownProgram } from './peers.ts'

export const TFTP_SERVERS = ['centra-pxe', 'dnsmasq', 'tftpd-hpa', 'atftpd'] as const
export type TftpServerName = (typeof TFTP_SERVERS)[number]

/** The published name of the file that is read. */
export const TFTP_FILE = 'snponly.efi'

interface ServerKind {
  /** Debian packages; none: our own command. */
  readonly packages: readonly string[]
  readonly program: string
  readonly versionFlag: string
  /** The committed configuration in `bench/peers`, for those that have a file. */
  readonly template?: string
  readonly arguments: (dir: string, config: string) => readonly string[]
}

const KINDS: Readonly<Record<TftpServerName, ServerKind>> = {
  'centra-pxe': {
    packages: [],
    program: 'bin/centra-pxe',
    versionFlag: '--version',
    template: 'tftp-centra-pxe.conf',
    arguments: (dir, config) => ['serve', '--config', config, '--state-dir', join(dir, 'state')],
  },
  dnsmasq: {
    packages: ['dnsmasq-base'],
    program: 'usr/sbin/dnsmasq',
    versionFlag: '--version',
    template: 'tftp-dnsmasq.conf',
    arguments: (dir, config) => [
      ...['--keep-in-foreground', `--conf-file=${config}`, '--pid-file='],
      `--log-facility=${join(dir, 'log')}`,
    ],
  },
  'tftpd-hpa': {
    packages: ['tftpd-hpa'],
    program: 'usr/sbin/in.tftpd',
    versionFlag: '--version',
    arguments: (dir) => ['--foreground', '--address', `${LAN.server}:69`, '--secure', join(dir, 'files')],
  },
  atftpd: {
    packages: ['atftpd'],
    program: 'usr/sbin/atftpd',
    versionFlag: '--version',
    arguments: (dir) => [
      ...['--daemon', '--no-fork', '--bind-address', LAN.server, '--port', '69', '--maxthread', '100'],
      ...['--user', 'root', '--group', 'root', '--logfile', '/dev/null', join(dir, 'files')],
    ],
  },
}

/** Unpacks a server. To be called outside the namespaces: it downloads. */
export function findTftpServer(name: TftpServerName): Promise<Found> {
  const { packages, program, versionFlag } = KINDS[name]
  return packages.length === 0
    ? Promise.resolve({ kind: 'found', program: ownProgram() })
    : findProgram(packages, program, versionFlag)
}

/** The committed configuration relative to the repository, or the command line where there is no file. */
export function tftpConfiguration(name: TftpServerName): string {
  const { template } = KINDS[name]
  return template === undefined ? KINDS[name].arguments('DIR', '').join(' ') : `bench/peers/${template}`
}

/** Writes the file to serve and the configuration into the server's folder; returns the arguments to start it with. */
export function prepareTftp(name: TftpServerName, dir: string, content: Uint8Array): readonly string[] {
  const { template, arguments: argumentsOf } = KINDS[name]
  mkdirSync(join(dir, 'files'), { recursive: true })
  writeFileSync(join(dir, 'files', TFTP_FILE), content)
  if (template === undefined) return argumentsOf(dir, '')
  const text = readFileSync(join(import.meta.dirname, 'peers', template), 'utf8')
  const config = join(dir, template)
  const marks: Readonly<Record<string, string>> = {
    DIR: dir,
    ADDRESS: LAN.server,
    INTERFACE: LAN.interface,
    SUBNET: `${LAN.network}/${LAN.prefix}`,
  }
  writeFileSync(
    config,
    text.replace(/@([A-Z]+)@/g, (_, mark: string) => marks[mark] ?? ''),
  )
  return argumentsOf(dir, config)
}
