/**
 * iPXE built from source with `TRUST=`, for the soak: minutes of compiling, so that everything is kept in the cache, with the
 * authority that it trusts.
 */
import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder, withLock } from '../../src/lab/cache.ts'
import { centra } from './server.ts'

export interface BuiltIpxe {
  readonly version: string
  /** The EFI image. */
  readonly loader: string
  /** The folder of the authority that it trusts, with a certificate for 10.77.0.1. */
  readonly tls: string
}

const run = promisify(execFile)
const TARGET = 'bin-x86_64-efi/snponly.efi'

/**
 * What there is in the cache; in the soak, built from the source package of the machine's Debian before, if its apt has
 * sources, or from the tree that CENTRA_IPXE_SOURCE names. Empty where neither is there.
 */
export async function builtIpxe(): Promise<readonly BuiltIpxe[]> {
  if (process.env['CENTRA_SOAK'] !== '1') return []
  const home = join(cacheFolder(), 'ipxe-trust')
  mkdirSync(home, { recursive: true })
  await withLock(join(home, 'lock'), () => fill(home))
  return globSync(join(home, 'built', '*.efi'))
    .sort()
    .map((loader) => ({ version: basename(loader, '.efi'), loader, tls: join(home, 'tls') }))
}

async function fill(home: string): Promise<void> {
  const tls = join(home, 'tls')
  if (!existsSync(tls)) {
    const { code, stderr } = await centra(
      'tls',
      'init',
      '--dir',
      tls,
      '--address',
      '10.77.0.1',
      '--days',
      '3650',
    )
    if (code !== 0) throw new Error(stderr)
  }
  const built = join(home, 'built')
  mkdirSync(built, { recursive: true })
  const work = mkdtempSync(join(home, 'work-'))
  try {
    const source = process.env['CENTRA_IPXE_SOURCE'] ?? (await debianSource(work))
    if (source === undefined) return
    const version = /_([^_]+)\.dsc$/.exec(globSync(join(work, '*.dsc'))[0] ?? '')?.[1] ?? basename(source)
    const target = join(built, `${version}.efi`)
    if (existsSync(target)) return
    const tree = join(work, 'tree')
    cpSync(source, tree, { recursive: true })
    mkdirSync(join(tree, 'src/config/local'), { recursive: true })
    writeFileSync(join(tree, 'src/config/local/general.h'), '#define DOWNLOAD_PROTO_HTTPS\n')
    const make = ['-j2', 'NO_WERROR=1', TARGET, `TRUST=${join(tls, 'ca.crt')}`]
    await run('make', make, { cwd: join(tree, 'src'), maxBuffer: 1 << 26 })
    renameSync(join(tree, 'src', TARGET), target)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** iPXE as a program for Linux, where its cards are tap devices; as `builtIpxe`. */
export async function linuxIpxe(): Promise<string | undefined> {
  if (process.env['CENTRA_SOAK'] !== '1') return undefined
  const home = join(cacheFolder(), 'ipxe-linux')
  const program = join(home, 'tap.linux')
  mkdirSync(home, { recursive: true })
  await withLock(join(home, 'lock'), async () => {
    if (existsSync(program)) return
    const work = mkdtempSync(join(home, 'work-'))
    try {
      const source = process.env['CENTRA_IPXE_SOURCE'] ?? (await debianSource(work))
      if (source === undefined) return
      const tree = join(work, 'tree')
      cpSync(source, tree, { recursive: true })
      const target = 'bin-x86_64-linux/tap.linux'
      await run('make', ['-j2', 'NO_WERROR=1', target], { cwd: join(tree, 'src'), maxBuffer: 1 << 26 })
      renameSync(join(tree, 'src', target), program)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  })
  return existsSync(program) ? program : undefined
}

/** Undefined where apt has no source packages, or its mirror not this one. */
async function debianSource(work: string): Promise<string | undefined> {
  try {
    await run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'source', 'ipxe'], {
      cwd: work,
      maxBuffer: 1 << 26,
    })
  } catch {
    return undefined
  }
  const [folder] = readdirSync(work, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folder === undefined ? undefined : join(work, folder.name)
}
