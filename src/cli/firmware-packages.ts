import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Unpacked } from '../firmware/fetch.ts'
import { packageOf, showPackages, unpackPackages } from '../lab/debian-packages.ts'
import { unpackNewer } from '../lab/newer-packages.ts'
import { findProgram } from '../lab/packages.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { say } from './output.ts'

/** `current`: the distribution's own; the others are Debian's, whatever this machine runs. */
export const SUITES = ['current', 'trixie', 'sid'] as const
export type Suite = (typeof SUITES)[number]

/** The suite's name for the manifest: `bookworm` for this machine's own. */
export async function suiteName(suite: Suite): Promise<string> {
  if (suite !== 'current') return suite
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^VERSION_CODENAME=(\S+)$/m.exec(text)?.[1] ?? suite
}

/**
 * Calls back with packages of a suite, unpacked and not installed; apt checks their signatures as always. Rejects with a
 * CliError that says why there are none and what to do.
 */
export async function withPackages<T>(
  suite: Suite,
  packages: readonly string[],
  use: (unpacked: Unpacked) => Promise<T>,
): Promise<T> {
  const lacking = ['apt-get', 'apt-cache', 'dpkg-deb'].find((program) => findProgram(program) === undefined)
  if (lacking !== undefined)
    throw new CliError(
      `firmware fetch takes loaders out of Debian's packages, and ${lacking} is not here; copy loaders into the folder yourself`,
      EXIT.unavailable,
    )
  if (suite !== 'current')
    return use(await unpackNewer({ suite, packages, onProgress: say }).catch(explained('')))
  const work = await mkdtemp(join(tmpdir(), 'centra-firmware-'))
  try {
    return await use(await unpackOwn(packages, work))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function unpackOwn(packages: readonly string[], work: string): Promise<Unpacked> {
  const unknown = explained('; run apt-get update as root, or take --suite sid')
  const shown = [...(await showPackages(packages).catch(unknown)).values()].map(packageOf)
  const folders = { archive: join(work, 'archive'), work: join(work, 'files') }
  await mkdir(folders.work)
  say(`fetching ${shown.map(({ name, version }) => `${name} ${version}`).join(', ')}`)
  const folder = await unpackPackages(shown, folders).catch(
    explained('; check that this machine reaches its mirror, and that its lists are fresh (apt-get update)'),
  )
  return { folder, versions: new Map(shown.map(({ name, version }) => [name, version])) }
}

function explained(advice: string): (error: unknown) => never {
  return (error) => {
    throw new CliError(`${error instanceof Error ? error.message : String(error)}${advice}`)
  }
}
