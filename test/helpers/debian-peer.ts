/** Servers that are peers of tests: unpacked from Debian's packages into the cache and run from there, never installed. */
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { cacheFolder, withLock } from '../../src/lab/cache.ts'
import {
  archiveName,
  type DebianPackage,
  packageOf,
  showPackages,
  unpackPackages,
} from '../../src/lab/debian-packages.ts'

/** What a test that wants a peer calls: the tree of the unpacked packages, or a sentence why there is none. */
export type Peer = { readonly tree: string } | { readonly why: string }

/**
 * A package, others it needs, and the libraries they depend on in one tree. Downloads what the cache lacks: to be called outside the namespaces
 * of `netns.ts`, in which the cache is all there is.
 */
export async function unpackPeer(name: string, ...more: readonly string[]): Promise<Peer> {
  const folder = path.join(cacheFolder(), 'peers')
  try {
    const packages = await withLibraries([name, ...more])
    const key = createHash('sha256').update(packages.map(archiveName).join(' ')).digest('hex').slice(0, 16)
    const tree = path.join(folder, `${name}-${key}`)
    return await withLock(path.join(folder, 'lock'), async () => {
      if (existsSync(tree)) return { tree }
      mkdirSync(folder, { recursive: true })
      const work = mkdtempSync(path.join(folder, 'work-'))
      try {
        renameSync(await unpackPackages(packages, { archive: path.join(work, 'debs'), work }), tree)
      } finally {
        rmSync(work, { recursive: true, force: true })
      }
      return { tree }
    })
  } catch (error) {
    return { why: error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error) }
  }
}

/** Everything called lib... that it depends on, but libc: the first of alternatives, as apt would choose. */
async function withLibraries(names: readonly string[]): Promise<readonly DebianPackage[]> {
  const found = new Map<string, DebianPackage>()
  let wanted = names
  while (wanted.length > 0) {
    const shown = await showPackages(wanted)
    for (const fields of shown.values()) found.set(packageOf(fields).name, packageOf(fields))
    const depends = [...shown.values()].flatMap((fields) => (fields.get('Depends') ?? '').split(','))
    const needed = depends.map((text) => /^\s*([a-z0-9][a-z0-9+.-]+)/.exec(text)?.[1] ?? '')
    wanted = [...new Set(needed)].filter((one) => /^lib(?!c6)/.test(one) && !found.has(one))
  }
  return [...found.values()]
}

/** The environment in which a program of the tree finds its libraries. */
export function peerEnvironment(tree: string): string {
  const folders = ['usr/lib', 'lib'].flatMap((folder) => globSync(path.join(tree, folder, '*-linux-gnu*')))
  return `LD_LIBRARY_PATH=${folders.join(':')}`
}
