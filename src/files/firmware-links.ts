import { lstat, realpath, stat } from 'node:fs/promises'

/** Below it a link may lead whoever made it: whoever can write there is trusted with the machine anyway. */
const LINK_ROOT = '/nix/store/'

/**
 * The path of a loader without links. Where the name is a symbolic link (Debian's `ipxe.efi` leads to `/boot`), it must belong
 * to the owner of the file that it leads to: who may only write into the folder publishes nothing that is not theirs.
 * Undefined for other links, and for what is gone.
 */
export async function ownPath(path: string): Promise<string | undefined> {
  try {
    const link = await lstat(path)
    const real = await realpath(path)
    if (!link.isSymbolicLink() || real.startsWith(LINK_ROOT)) return real
    return link.uid === (await stat(real)).uid ? real : undefined
  } catch {
    return undefined
  }
}
