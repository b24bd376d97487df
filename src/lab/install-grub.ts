import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What boots a disk: for BIOS in its first sectors, for UEFI as a file of its partition. Same packages, same bytes. */
export interface Grub {
  /** Sector 0: GRUB's boot.img and the partition table. */
  readonly bootSector: Uint8Array
  /** core.img, from sector 1 on, before the partition. */
  readonly biosImage: Uint8Array
  /** `\EFI\BOOT\BOOTX64.EFI`: the name that firmware looks for without a boot entry (UEFI 2.10, 3.5.1.1). */
  readonly uefiImage: Uint8Array
}

/** Unpacked, never installed. A machine may lack libdevmapper; grub-mkimage's other libraries come with dpkg. */
export const GRUB_PACKAGES = [
  'grub-common',
  'grub-pc-bin',
  'grub-efi-amd64-bin',
  'libdevmapper1.02.1',
] as const

/** No module is left on the disk: what grub.cfg says must be in the image. */
const MODULES = ['part_msdos', 'fat', 'normal', 'linux', 'serial', 'terminal', 'echo', 'ls', 'cat', 'reboot']

const SECTOR_BYTES = 512
const PARTITION_START_SECTOR = 2048
/** 64 MiB: the payload's kernel and initrd take a fifth of it. install.sh checks that the disk is that large. */
const PARTITION_SECTORS = 64 * 2048

const run = promisify(execFile)

/**
 * Makes GRUB's images with the grub-mkimage of the tree, into which GRUB_PACKAGES are unpacked; `work` is a folder for
 * files on the way. Rejects when grub-mkimage fails, throws when BIOS's image does not fit before the partition.
 */
export async function buildGrub(tree: string, work: string): Promise<Grub> {
  // Both find grub/grub.cfg on the partition: without a drive, the prefix means the one GRUB was loaded from.
  const biosImage = await makeImage({ tree, work, target: 'i386-pc', prefix: '(,msdos1)/grub' })
  const uefiImage = await makeImage({ tree, work, target: 'x86_64-efi', prefix: '/grub' })
  if (biosImage.length > (PARTITION_START_SECTOR - 1) * SECTOR_BYTES)
    throw new Error(
      `GRUB's core.img has ${biosImage.length} bytes, too many for the gap before the partition`,
    )
  const bootCode = readFileSync(join(tree, 'usr/lib/grub/i386-pc/boot.img'))
  return { bootSector: withPartitionTable(bootCode), biosImage, uefiImage }
}

interface ImageWish {
  readonly tree: string
  readonly work: string
  readonly target: 'i386-pc' | 'x86_64-efi'
  readonly prefix: string
}

async function makeImage({ tree, work, target, prefix }: ImageWish): Promise<Uint8Array> {
  const output = join(work, `${target}.img`)
  const libraries = ['lib', 'usr/lib'].map((folder) => join(tree, folder, 'x86_64-linux-gnu'))
  const disk = target === 'i386-pc' ? ['biosdisk'] : []
  const where = ['--directory', join(tree, 'usr/lib/grub', target), '--prefix', prefix, '--output', output]
  await run(join(tree, 'usr/bin/grub-mkimage'), ['--format', target, ...where, ...disk, ...MODULES], {
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') },
  })
  return readFileSync(output)
}

/**
 * A boot sector with one active partition of type EF, an EFI system partition (UEFI 2.10, 5.2.2).
 * GRUB's boot.img expects core.img in sector 1, and leaves bytes 440 to 509 to the table.
 */
export function withPartitionTable(bootCode: Uint8Array): Uint8Array {
  const sector = Buffer.alloc(SECTOR_BYTES)
  sector.set(bootCode.subarray(0, 440))
  sector.write('CPXE', 440, 'latin1')
  // CHS FE FF FF: beyond what cylinders, heads and sectors can say; only the sector numbers count.
  sector.set([0x80, 0xfe, 0xff, 0xff, 0xef, 0xfe, 0xff, 0xff], 446)
  sector.writeUInt32LE(PARTITION_START_SECTOR, 454)
  sector.writeUInt32LE(PARTITION_SECTORS, 458)
  sector.writeUInt16BE(0x55aa, 510)
  return sector
}
