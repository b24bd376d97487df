import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillTemplate, LAN, lanMarks } from './lan.ts'
import { type Found, findProgram, ownProgram, type Program } from './peers.ts'
import { stormMac } from './storm-client.ts'

export const STORM_SERVERS = ['centra-pxe', 'dnsmasq + nginx', 'dnsmasq no-ping + nginx'] as const
export type StormServerName = (typeof STORM_SERVERS)[number]

/** The programs of one contender, in the order in which they start. */
export type StormPrograms = readonly Program[]

export interface StormPayload {
  readonly machines: number
  /** Octets of kernel and initrd together, and of the loader. */
  readonly image: number
  readonly loader: number
  /** `boots:` of our configuration. */
  readonly boots: number | 'auto' | false
}

const TEMPLATES: Readonly<Record<StormServerName, readonly string[]>> = {
  'centra-pxe': ['storm-centra-pxe.conf'],
  'dnsmasq + nginx': ['storm-dnsmasq.conf', 'storm-nginx.conf'],
  'dnsmasq no-ping + nginx': ['storm-dnsmasq.conf', 'storm-nginx.conf'],
}

/** Unpacks the programs. To be called outside the namespaces: it downloads. */
export async function findStormServer(name: StormServerName): Promise<readonly Found[]> {
  if (name === 'centra-pxe') return [{ kind: 'found', program: ownProgram() }]
  return [
    await findProgram(['dnsmasq-base'], 'usr/sbin/dnsmasq', '--version'),
    await findProgram(['nginx'], 'usr/sbin/nginx', '-v'),
  ]
}

/** The committed configurations, relative to the repository. */
export function stormConfigurations(name: StormServerName): string {
  return TEMPLATES[name].map((file) => `bench/peers/${file}`).join(', ')
}

/** Writes files and configurations into the folder; returns the arguments of each program. */
export function prepareStorm(
  name: StormServerName,
  dir: string,
  payload: StormPayload,
): readonly (readonly string[])[] {
  const files = join(dir, 'files')
  for (const folder of [files, join(dir, 'temp')]) mkdirSync(folder, { recursive: true })
  const kernel = Math.floor(payload.image / 10)
  writeFileSync(join(files, 'snponly.efi'), Buffer.alloc(payload.loader, 'loader'))
  writeFileSync(join(files, 'vmlinuz'), Buffer.alloc(kernel, 'kernel'))
  writeFileSync(join(files, 'initrd.img'), Buffer.alloc(payload.image - kernel, 'initrd'))
  writeFileSync(join(files, 'boot.ipxe'), staticScript())
  const configs = TEMPLATES[name].map((template) => {
    const text = readFileSync(join(import.meta.dirname, 'peers', template), 'utf8')
    const config = join(dir, template)
    const PING = name.includes('no-ping') ? 'no-ping' : '# it pings'
    const marks = { ...lanMarks(), DIR: dir, BOOTS: String(payload.boots), PING }
    const nodes = name === 'centra-pxe' ? nodesYaml(payload.machines) : ''
    writeFileSync(config, fillTemplate(text, marks) + nodes)
    return config
  })
  const [first = '', second = ''] = configs
  if (name === 'centra-pxe') return [['serve', '--config', first, '--state-dir', join(dir, 'state')]]
  const log = `--log-facility=${join(dir, 'log')}`
  return [
    ['--keep-in-foreground', `--conf-file=${first}`, '--pid-file=', log],
    ['-c', second, '-p', dir, '-e', join(dir, 'nginx.log')],
  ]
}

function staticScript(): string {
  const base = `http://${LAN.server}:8080`
  return `#!ipxe\nkernel ${base}/vmlinuz initrd=initrd.img\ninitrd ${base}/initrd.img\nboot\n`
}

function nodesYaml(machines: number): string {
  const nodes = Array.from(
    { length: machines },
    (_, i) => `  - { name: n${i}, mac: "${stormMac(i)}", profile: worker }\n`,
  )
  return `nodes:\n${nodes.join('')}`
}
