/** The real server of the interop matrix, its files and its configuration, inside the namespaces of `netns.ts`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { centra, type Running, startCentra } from '../helpers/server.ts'
import type { InteropFile, Target } from './matrix.ts'

export const SERVER = '10.77.0.1'

/** What else the configuration says, and the nodes of the firmware rows. */
export interface More {
  readonly nodes?: readonly string[]
  /** Names of files that are in the folder already, to be published. */
  readonly published?: readonly string[]
  readonly images?: readonly string[]
  readonly profiles?: readonly string[]
}

export interface InteropSite {
  readonly dir: string
  readonly config: string
  readonly target: Target
}

/** Every file is published as the loader of a profile: that is what makes a name of the TFTP and the HTTP plane. */
export async function makeInteropSite(
  dir: string,
  files: readonly InteropFile[],
  { nodes = [], published = [], images = [], profiles = [] }: More = {},
): Promise<InteropSite> {
  mkdirSync(join(dir, 'firmware'), { recursive: true })
  for (const { name, bytes } of files) writeFileSync(join(dir, 'firmware', name), bytes)
  const names = [...files.map(({ name }) => name), ...published]
  const config = join(dir, 'centra-pxe.yaml')
  writeFileSync(
    config,
    `version: 1
server:
  stateDir: ./state
  firmware: ./firmware
  boot: { https: { certificate: tls/server.crt, key: tls/server.key } }
networks:
  - name: provisioning
    interface: prov0
    subnet: 10.77.0.0/24
    address: ${SERVER}
    dhcp: server
    probe: false
    pool: 10.77.0.100-10.77.0.199
images:${images.length === 0 ? ' {}' : `\n${images.map((line) => `  ${line}\n`).join('')}`}
profiles:
${[...profiles, ...names.map((name, i) => `interop-${i}: { loader: ${name} }`)].map((line) => `  ${line}\n`).join('')}nodes:${nodes.length === 0 ? ' []' : `\n${nodes.map((line) => `  - ${line}\n`).join('')}`}
`,
  )
  const made = await centra('tls', 'init', '--config', config)
  if (made.code !== 0) throw new Error(`tls init: ${made.stderr}`)
  return {
    dir,
    config,
    target: {
      server: SERVER,
      http: `http://${SERVER}:8080`,
      https: `https://${SERVER}:8443`,
      authority: join(dir, 'tls/ca.crt'),
    },
  }
}

export async function startServer(site: InteropSite): Promise<Running> {
  const server = startCentra('serve', '--config', site.config, '--log', 'json')
  await server.stderrMatch(/^ready .*$/m)
  return server
}
