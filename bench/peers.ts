import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageOf, showPackages } from '../src/lab/debian-packages.ts'
import { VERSION } from '../src/version.ts'
import { peerEnvironment, unpackPeer } from '../test/helpers/debian-peer.ts'
import { fillTemplate, LAN, lanMarks, type Pool, type SeededLease } from './lan.ts'
import { type Seed, seedCentra, seedDhcpd, seedDnsmasq, seedKea } from './seeds.ts'

const ROOT = join(import.meta.dirname, '..')

export const PEER_NAMES = ['centra-pxe', 'kea', 'kea-single', 'dhcpd', 'dnsmasq'] as const
export type PeerName = (typeof PEER_NAMES)[number]

interface PeerKind {
  readonly title: string
  /** The committed configuration, in `bench/peers`. */
  readonly template: string
  readonly marks?: Readonly<Record<string, string>>
  /** Debian packages beyond whose libraries nothing is needed; none: our own command. */
  readonly packages: readonly string[]
  readonly program: string
  /** Arguments, given the server's folder and its configuration. */
  readonly arguments: (dir: string, config: string) => readonly string[]
  readonly versionFlag: string
  readonly seed: (seed: Seed) => void | Promise<void>
}

const KEA: Omit<PeerKind, 'title' | 'marks'> = {
  template: 'kea.conf',
  packages: ['kea-dhcp4-server', 'kea-common'],
  program: 'usr/sbin/kea-dhcp4',
  arguments: (_dir, config) => ['-c', config],
  versionFlag: '-v',
  seed: seedKea,
}

const KINDS: Readonly<Record<PeerName, PeerKind>> = {
  'centra-pxe': {
    title: 'Centra PXE',
    template: 'centra-pxe.conf',
    packages: [],
    program: 'bin/centra-pxe',
    arguments: (dir, config) => ['serve', '--config', config, '--state-dir', join(dir, 'state')],
    versionFlag: '--version',
    seed: seedCentra,
  },
  kea: { ...KEA, title: 'Kea, threads', marks: { THREADS: 'true' } },
  'kea-single': { ...KEA, title: 'Kea, one thread', marks: { THREADS: 'false' } },
  dhcpd: {
    title: 'ISC dhcpd',
    template: 'dhcpd.conf',
    packages: ['isc-dhcp-server'],
    program: 'usr/sbin/dhcpd',
    arguments: (dir, config) => {
      const files = ['-cf', config, '-lf', join(dir, 'leases'), '--no-pid']
      return ['-4', '-f', '-q', ...files, LAN.interface]
    },
    versionFlag: '--version',
    seed: seedDhcpd,
  },
  dnsmasq: {
    title: 'dnsmasq',
    template: 'dnsmasq.conf',
    packages: ['dnsmasq-base'],
    program: 'usr/sbin/dnsmasq',
    arguments: (dir, config) => [
      '--keep-in-foreground',
      `--conf-file=${config}`,
      `--log-facility=${join(dir, 'log')}`,
      '--pid-file=',
    ],
    versionFlag: '--version',
    seed: seedDnsmasq,
  },
}

/** A program of a peer, ready to be started inside the namespaces; plain data, to be handed to another process. */
export interface Program {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
  readonly version: string
}

export type Found =
  | { readonly kind: 'found'; readonly program: Program }
  | { readonly kind: 'missing'; readonly why: string }

export function titleOf(name: PeerName): string {
  return KINDS[name].title
}

/** The committed configuration, relative to the repository. */
export function templatePath(name: PeerName): string {
  return `bench/peers/${KINDS[name].template}`
}

/** Unpacks a peer; `command` replaces our own. To be called outside the namespaces: it downloads. */
export async function findPeer(name: PeerName, command?: string): Promise<Found> {
  const { packages, program, versionFlag } = KINDS[name]
  if (packages.length > 0) return findProgram(packages, program, versionFlag)
  return { kind: 'found', program: ownProgram(command) }
}

/** Our own command, or another in its place. */
export function ownProgram(command?: string): Program {
  const version = command === undefined ? ownVersion() : versionOf(command)
  return { path: command ?? join(ROOT, 'bin/centra-pxe'), env: {}, version }
}

/** perfdhcp, which Debian keeps in kea-admin. */
export function findPerfdhcp(): Promise<Found> {
  return findProgram(['kea-admin', 'kea-common'], 'usr/sbin/perfdhcp', '-v')
}

/** Unpacks Debian packages and asks a program of the first for its version. */
export async function findProgram(
  packages: readonly string[],
  program: string,
  flag: string,
): Promise<Found> {
  const trees: string[] = []
  for (const name of packages) {
    const peer = await unpackPeer(name)
    if ('why' in peer) return { kind: 'missing', why: `${name}: ${peer.why}` }
    trees.push(peer.tree)
  }
  const path = join(trees[0] ?? '', program)
  const folders = trees.map((tree) => peerEnvironment(tree).replace(/^LD_LIBRARY_PATH=/, ''))
  const env = { LD_LIBRARY_PATH: folders.filter((text) => text !== '').join(':') }
  const { status, stdout, stderr, error } = spawnSync(path, [flag], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  if (error !== undefined || status !== 0)
    return { kind: 'missing', why: `${program} ${flag}: ${error?.message ?? stderr.trim()}` }
  const said = /[0-9]+\.[0-9][^\s]*/.exec(stdout + stderr)?.[0] ?? 'unknown'
  return {
    kind: 'found',
    program: { path, env, version: `${said} (${await debianVersion(packages[0] ?? '')})` },
  }
}

async function debianVersion(name: string): Promise<string> {
  const fields = (await showPackages([name])).get(name)
  return fields === undefined ? name : `${name} ${packageOf(fields).version}`
}

function versionOf(command: string): string {
  const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return `${stdout?.trim() ?? 'unknown'} (not bin/centra-pxe of this tree)`
}

function ownVersion(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    const changed = git('status', '--porcelain', '--', 'src') === '' ? '' : ', changed'
    return `${VERSION} (${git('rev-parse', '--short', 'HEAD')}${changed}; Node ${process.version})`
  } catch {
    return `${VERSION} (Node ${process.version})`
  }
}

export interface Prepared {
  readonly arguments: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface Preparation {
  readonly dir: string
  readonly pool: Pool
  readonly leases: readonly SeededLease[]
  /** Nodes with a reservation: in our own configuration only. */
  readonly nodes?: readonly SeededLease[]
}

/** Writes the configuration and the leases of a server into its folder. */
export async function prepare(
  name: PeerName,
  { dir, pool, leases, nodes = [] }: Preparation,
): Promise<Prepared> {
  const { template, marks, arguments: argumentsOf, seed } = KINDS[name]
  mkdirSync(dir, { recursive: true })
  const text = readFileSync(join(import.meta.dirname, 'peers', template), 'utf8')
  const config = join(dir, template)
  writeFileSync(config, fillTemplate(text, { ...lanMarks(pool), ...marks, DIR: dir }) + nodesYaml(nodes))
  await seed({ dir, leases, now: Math.floor(Date.now() / 1000) })
  // Kea keeps lock and pid files in folders of the distribution otherwise.
  return { arguments: argumentsOf(dir, config), env: { KEA_LOCKFILE_DIR: dir, KEA_PIDFILE_DIR: dir } }
}

function nodesYaml(nodes: readonly SeededLease[]): string {
  if (nodes.length === 0) return ''
  const items = nodes.map(
    ({ mac, address }, i) => `  - name: n${i}\n    mac: "${mac}"\n    address: ${address}\n`,
  )
  return `nodes:\n${items.join('')}`
}
