import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerEnvironment, unpackPeer } from '../test/helpers/debian-peer.ts'
import { LAN } from './lan.ts'
import { type Found, findProgram, ownProgram, type Program } from './peers.ts'
import type { ScriptServerName } from './scripts-report.ts'

export const SCRIPT_PORT = 8080
/** Files that nginx has at most: it opens one of them for each request, however many there are. */
const MOST_FILES = 10_000
/** Debian's packages of Go, the newest first. */
const GO_VERSIONS = ['1.24', '1.23', '1.22', '1.21', '1.19'] as const
const SOURCE = join(import.meta.dirname, 'peers/scripts.go')

/** Machines of a server that has so many nodes. */
export function machinesOf(server: ScriptServerName, nodes: number): number {
  return server === 'nginx' ? Math.min(nodes, MOST_FILES) : nodes
}

/** The words of a configuration for the report. */
export function scriptConfiguration(server: ScriptServerName): string {
  if (server === 'go') return 'bench/peers/scripts.go'
  const files = server === 'nginx' ? `, ${MOST_FILES} files at most` : ''
  return `bench/peers/scripts-${server}.conf${files}`
}

/** Unpacks a server; Go is built, into `work`. To be called outside the namespaces: it downloads. */
export async function findScriptServer(name: ScriptServerName, work: string): Promise<Found> {
  if (name === 'centra-pxe') return { kind: 'found', program: ownProgram() }
  if (name === 'nginx') return findProgram(['nginx'], 'usr/sbin/nginx', '-v')
  for (const version of GO_VERSIONS) {
    const peer = await unpackPeer(`golang-${version}-go`, `golang-${version}-src`)
    if ('tree' in peer) return buildGo(peer.tree, version, work)
  }
  return { kind: 'missing', why: `none of golang-${GO_VERSIONS.join(', golang-')} can be had` }
}

function buildGo(tree: string, version: string, work: string): Found {
  const go = join(tree, `usr/lib/go-${version}/bin/go`)
  const path = join(work, 'scripts-go')
  const env = {
    ...{
      GOROOT: join(tree, `usr/lib/go-${version}`),
      GOCACHE: join(work, 'go-cache'),
      GOPATH: join(work, 'go'),
    },
    ...{ CGO_ENABLED: '0', GOFLAGS: '', GOTOOLCHAIN: 'local', GO111MODULE: 'off', GOPROXY: 'off' },
  }
  try {
    execFileSync(go, ['build', '-o', path, SOURCE], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said = execFileSync(go, ['version'], { env: { ...process.env, ...env }, encoding: 'utf8' })
    return { kind: 'found', program: { path, env: {}, version: said.trim() } }
  } catch (error) {
    return {
      kind: 'missing',
      why: error instanceof Error ? error.message.split('\n').slice(0, 3).join(' ') : String(error),
    }
  }
}

/** wrk: `wrk -v` ends with 1, so it is not asked for its version. */
export async function findWrk(): Promise<Found> {
  const peer = await unpackPeer('wrk')
  if ('why' in peer) return { kind: 'missing', why: peer.why }
  const path = join(peer.tree, 'usr/bin/wrk')
  const env = { LD_LIBRARY_PATH: peerEnvironment(peer.tree).replace(/^LD_LIBRARY_PATH=/, '') }
  const version =
    globSync(join(peer.tree, 'usr/share/doc/wrk/changelog*')).length > 0 ? 'wrk of Debian' : 'wrk'
  return existsSync(path)
    ? { kind: 'found', program: { path, env, version } }
    : { kind: 'missing', why: `no ${path}` }
}

interface Prepared {
  readonly program: Program
  readonly dir: string
  readonly nodes: number
}

/** Writes what a server needs into its folder; returns its arguments. `script` is one of ours, for the others to serve. */
export function prepareScripts(
  name: ScriptServerName,
  { dir, nodes }: Prepared,
  script: string,
): readonly string[] {
  const files = join(dir, 'files')
  mkdirSync(join(files, 'boot'), { recursive: true })
  if (name === 'go') {
    writeFileSync(join(dir, 'script'), script.replaceAll(dashed(0), '@MAC@').replaceAll('n0:', '@NODE@:'))
    return [`${LAN.server}:${SCRIPT_PORT}`, String(nodes), join(dir, 'script')]
  }
  const config = join(dir, 'config')
  const template = readFileSync(join(import.meta.dirname, `peers/scripts-${name}.conf`), 'utf8')
  if (name === 'nginx') {
    for (let i = 0; i < machinesOf(name, nodes); i += 1)
      writeFileSync(join(files, 'boot', `${dashed(i)}.ipxe`), script.replaceAll(dashed(0), dashed(i)))
    writeFileSync(config, fill(template, dir))
    return ['-e', join(dir, 'error'), '-c', config]
  }
  for (const file of ['vmlinuz', 'initrd.img']) writeFileSync(join(files, file), file)
  const lines = Array.from(
    { length: nodes },
    (_, i) => `  - { name: n${i}, mac: "${dashed(i)}", profile: worker }\n`,
  )
  writeFileSync(config, `${fill(template, dir)}nodes:\n${lines.join('')}`)
  return ['serve', '--config', config, '--state-dir', join(dir, 'state')]
}

/** The MAC address of a node, as scripts.lua has it. */
export function dashed(index: number): string {
  const octets = [24, 16, 8, 0].map((shift) => ((index >> shift) & 255).toString(16).padStart(2, '0'))
  return `02-de-${octets.join('-')}`
}

function fill(template: string, dir: string): string {
  const marks: Readonly<Record<string, string>> = {
    ...{ DIR: dir, ADDRESS: LAN.server, INTERFACE: LAN.interface, SUBNET: `${LAN.network}/${LAN.prefix}` },
  }
  return template.replace(/@([A-Z]+)@/g, (_, mark: string) => marks[mark] ?? '')
}
