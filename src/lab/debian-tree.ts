import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type DebianPackage, packageOf, refreshPackageLists, showPackages } from './debian-packages.ts'

/** Both names exist in Debian alone; the suite is that of the machine's own apt. */
const KERNEL_METAPACKAGE = 'linux-image-amd64'
/** Linked statically: it runs in an initrd without any library. */
export const BUSYBOX_PACKAGE = 'busybox-static'

const run = promisify(execFile)

/** Asks apt, once more after `apt-get update` where it does not know; rejects with apt's reason. */
export async function withFreshLists<T>(ask: () => Promise<T>, say: (line: string) => void): Promise<T> {
  try {
    return await ask()
  } catch {
    say('refreshing the package lists (apt-get update)')
    await refreshPackageLists()
    return ask()
  }
}

/** The kernel package that Debian's metapackage means now. */
export async function showKernel(): Promise<DebianPackage> {
  const meta = (await showPackages([KERNEL_METAPACKAGE])).get(KERNEL_METAPACKAGE)
  const name = /linux-image-[^\s,(|]+/.exec(meta?.get('Depends') ?? '')?.[0]
  const fields = name === undefined ? undefined : (await showPackages([name])).get(name)
  if (fields === undefined) throw new Error(`${KERNEL_METAPACKAGE} depends on no kernel package`)
  return packageOf(fields)
}

/** `vmlinuz-RELEASE` in a package's /boot. */
export function kernelFileIn(boot: string): string {
  const file = readdirSync(boot).find((name) => name.startsWith('vmlinuz-'))
  if (file === undefined) throw new Error('the kernel package has no /boot/vmlinuz-*')
  return file
}

/** Packages of a merged-/usr distribution (trixie and newer) have everything below /usr. */
export function inTree(tree: string, path: string): string {
  const merged = join(tree, 'usr', path)
  return existsSync(merged) ? merged : join(tree, path)
}

/** Where the modules of a kernel release are. */
export function modulesFolder(tree: string, release: string): string {
  return join(inTree(tree, join('lib', 'modules', release)), 'kernel')
}

/** The names by which a busybox can be called. */
export async function appletsOf(busybox: string): Promise<readonly string[]> {
  const { stdout } = await run(busybox, ['--list'])
  return stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')
}
