/**
 * Stand-ins for parts of the Debian installer that the machine's mirror does not have, as udebs for `debian-mirror.ts`: a file system over
 * the whole disk in the place of partman, debootstrap out of its ordinary package, and the end of the installation.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'

interface StandIn {
  readonly name: string
  readonly fields: Readonly<Record<string, string>>
  readonly postinst?: string
  /** Files of a tree of unpacked packages: globs below it. */
  readonly files?: readonly string[]
  /** Programs of our own, by path. */
  readonly programs?: Readonly<Record<string, string>>
}

/** What they stand for, by the names that others depend on. */
export const STAND_INS_FOR: readonly string[] = [
  ...['mounted-partitions', 'created-fstab', 'harddrive-detection', 'debootstrap-udeb', 'di-utils-mapdevfs'],
]

const STAND_INS: readonly StandIn[] = [
  {
    name: 'centra-target',
    fields: {
      Provides:
        'created-fstab, made-filesystems, mounted-partitions, partitioned-harddrives, harddrive-detection',
      'Installer-Menu-Item': '4200',
      Priority: 'required',
      Depends: 'e2fsprogs-udeb',
    },
    // As partman does: what the preseed wants before anything is written comes first.
    postinst: `#!/bin/sh
grep -q ' /target ' /proc/mounts && exit
log=/tmp/centra-target.log
step() {
  "$@" >> $log 2>&1 && return
  tell failed "$1: $(tail -n 3 $log | tr -d '"' | tr '\n\t' '  ')"
  exit 1
}
preseed_command partman/early_command
step depmod -a
step modprobe virtio_blk
step modprobe ext4
update-dev >> $log 2>&1
step mke2fs -q -F -t ext4 /dev/vda
mkdir -p /target
step mount -t ext4 /dev/vda /target
mkdir -p /target/etc
echo '/dev/vda / ext4 errors=remount-ro 0 1' > /target/etc/fstab
tell initrd "target mounted"
`,
  },
  {
    name: 'e2fsprogs-udeb',
    fields: { Priority: 'required' },
    files: [
      'sbin/mke2fs',
      'lib/*/libext2fs.so.2*',
      'lib/*/libe2p.so.2*',
      'lib/*/libcom_err.so.2*',
      'etc/mke2fs.conf',
    ],
  },
  {
    name: 'debootstrap-udeb',
    fields: { Priority: 'required' },
    files: [
      'usr/sbin/debootstrap',
      'usr/share/debootstrap/**/*',
      'usr/bin/perl',
      'usr/lib/*/perl-base/**/*',
      'usr/lib/*/libcrypt.so.1*',
      'lib/*/libcrypt.so.1*',
    ],
  },
  {
    name: 'di-utils-mapdevfs',
    fields: { Priority: 'required' },
    programs: { 'usr/bin/mapdevfs': '#!/bin/sh\necho "$1"\n' },
  },
  {
    name: 'centra-finish',
    fields: { 'Installer-Menu-Item': '7800', Priority: 'required', Depends: 'bootstrap-base' },
    postinst: `#!/bin/sh
/usr/lib/finish-install.d/07preseed
sync
tell in-service "the installer is done"
poweroff
`,
  },
]

/** Builds them below a folder and returns the udebs. `tree` has e2fsprogs, debootstrap, perl-base and their libraries. */
export function buildStandIns(tree: string, folder: string): readonly string[] {
  return STAND_INS.map(({ name, fields, postinst, files = [], programs = {} }) => {
    const root = path.join(folder, name)
    rmSync(root, { recursive: true, force: true })
    const write = (file: string, text: string, mode = 0o644): void => {
      const to = path.join(root, file)
      mkdirSync(path.dirname(to), { recursive: true })
      writeFileSync(to, text)
      chmodSync(to, mode)
    }
    const control = {
      Package: name,
      Version: '1',
      Architecture: 'amd64',
      Section: 'debian-installer',
      Maintainer: 'Tests <tests@localhost>',
      ...fields,
      // The menu tells its entries apart by these texts (debian-installer main-menu): two alike, and the first runs in the other's place.
      Description: `a stand-in: ${name}`,
    }
    write(
      'DEBIAN/control',
      `${Object.entries(control)
        .map(([key, value]) => `${key}: ${value}`)
        .join('\n')}\n`,
    )
    if (postinst !== undefined) write('DEBIAN/postinst', postinst, 0o755)
    for (const [file, text] of Object.entries(programs)) write(file, text, 0o755)
    for (const file of files.flatMap((glob) => globSync(glob, { cwd: tree, withFileTypes: true }))) {
      if (file.isDirectory()) continue
      const from = path.join(file.parentPath, file.name)
      const to = path.join(root, path.relative(tree, from))
      mkdirSync(path.dirname(to), { recursive: true })
      copyFileSync(from, to)
    }
    const udeb = path.join(folder, `${name}_1_amd64.udeb`)
    execFileSync('dpkg-deb', ['-Zxz', '--root-owner-group', '--build', root, udeb], { stdio: 'ignore' })
    return udeb
  })
}

/** The paragraph of an index for a udeb. */
export function paragraphOf(udeb: string, sha256: string): string {
  const control = execFileSync('dpkg-deb', ['-f', udeb], { encoding: 'utf8' }).trimEnd()
  return `${control}\nFilename: pool/${path.basename(udeb)}\nSize: ${readFileSync(udeb).length}\nSHA256: ${sha256}`
}
