/** Debian's installer out of its package, and a mirror for it. */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { debianMirror } from './debian-mirror.ts'
import { unpackPeer } from './debian-peer.ts'
import { buildStandIns, STAND_INS_FOR } from './installer-parts.ts'

export interface Installer {
  readonly kernel: string
  readonly initrd: string
  /** What to serve as `/debian`. */
  readonly folder: string
}

const NETBOOT = 'usr/lib/debian-installer/images/*/amd64/text/debian-installer/amd64'

/** The installer with a mirror of its components, and with `isWhole` of the packages of a small system too; or a sentence why not. */
export async function debianInstaller(
  work: string,
  isWhole: boolean,
): Promise<Installer | { readonly why: string }> {
  const netboot = await unpackPeer('debian-installer-12-netboot-amd64')
  if ('why' in netboot) return netboot
  const tools = await unpackPeer('debootstrap', 'e2fsprogs', 'libext2fs2', 'libcom-err2', 'perl-base')
  if ('why' in tools) return tools
  const [folder] = globSync(path.join(netboot.tree, NETBOOT))
  if (folder === undefined) return { why: 'the installer package has no text version' }
  const initrd = path.join(folder, 'initrd.gz')
  const inside = gunzipSync(readFileSync(initrd)).toString('latin1')
  const present = new Set([...inside.matchAll(/^Package: ([a-z0-9.+-]+)$/gm)].map(([, name = '']) => name))
  const [, release] = /lib\/modules\/([0-9][a-z0-9.+-]*-amd64)\//.exec(inside) ?? []
  if (release === undefined) return { why: 'the installer has no kernel modules' }
  const mirror = await debianMirror({
    own: buildStandIns(tools.tree, work),
    present: new Set([...present, ...STAND_INS_FOR]),
    udebs: ['bootstrap-base', 'base-installer', `ext4-modules-${release}-di`, `scsi-modules-${release}-di`],
    debs: isWhole
      ? [
          'apt',
          'systemd-sysv',
          'udev',
          'ifupdown',
          'netbase',
          'kmod',
          'debian-archive-keyring',
          'gpgv',
          'init',
          'usr-is-merged',
        ]
      : [],
  })
  if ('why' in mirror) return mirror
  if (mirror.absent.length > 0) return { why: `the mirror of this machine has no ${mirror.absent.join(' ')}` }
  return { kernel: path.join(folder, 'linux'), initrd, folder: mirror.folder }
}
