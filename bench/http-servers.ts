import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fillTemplate, lanMarks } from './lan.ts'
import { type Found, findProgram, ownProgram } from './peers.ts'

export const HTTP_SERVERS = ['centra-pxe', 'centra-pxe 2GiB', 'nginx'] as const
export type HttpServerName = (typeof HTTP_SERVERS)[number]

/** The files that are loaded, in octets: one that fits the cache as it is by default, and one that does not. */
export const HTTP_FILES = { small: 200_000_000, large: 500_000_000 } as const
export type HttpFileName = keyof typeof HTTP_FILES

interface ServerKind {
  /** Debian packages; none: our own command. */
  readonly packages: readonly string[]
  readonly program: string
  readonly versionFlag: string
  /** The committed configuration in `bench/peers`. */
  readonly template: string
  readonly marks?: Readonly<Record<string, string>>
  readonly arguments: (dir: string, config: string) => readonly string[]
  readonly path: (name: HttpFileName, sha256: string) => string
}

const OURS: ServerKind = {
  ...{ packages: [], program: 'bin/centra-pxe', versionFlag: '--version', template: 'http-centra-pxe.conf' },
  marks: { CACHE: '128MiB' },
  arguments: (_dir, config) => ['serve', '--config', config],
  path: (name, sha256) => `/images/${name}/${sha256}/${name}`,
}

const KINDS: Readonly<Record<HttpServerName, ServerKind>> = {
  'centra-pxe': OURS,
  'centra-pxe 2GiB': { ...OURS, marks: { CACHE: '2GiB' } },
  nginx: {
    ...{ packages: ['nginx'], program: 'usr/sbin/nginx', versionFlag: '-v', template: 'http-nginx.conf' },
    arguments: (dir, config) => ['-c', config, '-p', dir],
    path: (name) => `/${name}`,
  },
}

/** Unpacks a server. To be called outside the namespaces: it downloads. */
export function findHttpServer(name: HttpServerName): Promise<Found> {
  const { packages, program, versionFlag } = KINDS[name]
  return packages.length === 0
    ? Promise.resolve({ kind: 'found', program: ownProgram() })
    : findProgram(packages, program, versionFlag)
}

/** The committed configuration relative to the repository, and what was put in. */
export function httpConfiguration(name: HttpServerName): string {
  const { template, marks = {} } = KINDS[name]
  return [`bench/peers/${template}`, ...Object.entries(marks).map(([key, value]) => `${key}=${value}`)].join(
    ' ',
  )
}

export function httpPath(name: HttpServerName, file: HttpFileName, sha256: string): string {
  return KINDS[name].path(file, sha256)
}

/** Writes the configuration into the server's folder; returns the arguments to start it with. */
export function prepareHttp(name: HttpServerName, dir: string, files: string): readonly string[] {
  const { template, marks, arguments: argumentsOf } = KINDS[name]
  mkdirSync(dir, { recursive: true })
  const text = readFileSync(join(import.meta.dirname, 'peers', template), 'utf8')
  const config = join(dir, template)
  writeFileSync(config, fillTemplate(text, { ...lanMarks(), ...marks, DIR: dir, FILES: files }))
  return argumentsOf(dir, config)
}
