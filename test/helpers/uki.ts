import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerEnvironment } from './debian-peer.ts'

/** The Debian packages of which a UKI is made: systemd's stub, and objcopy. */
export const UKI_PACKAGES = [
  'systemd-boot-efi',
  'binutils',
  'binutils-common',
  'binutils-x86-64-linux-gnu',
] as const

export interface UkiParts {
  readonly kernel: string
  readonly initrd: string
  readonly cmdline: string
}

/** Addresses behind the stub's own sections, with room for each (systemd-stub(7); as `ukify` lays them out). */
const ADDRESSES = { cmdline: 0x30000, linux: 0x2000000, initrd: 0x3000000 } as const

/** Makes one EFI program of a kernel, its initrd and its command line. `tree` has UKI_PACKAGES. */
export function makeUki(tree: string, { kernel, initrd, cmdline }: UkiParts, output: string): void {
  writeFileSync(`${output}.cmdline`, cmdline)
  const files = { cmdline: `${output}.cmdline`, linux: kernel, initrd }
  const sections = (['cmdline', 'linux', 'initrd'] as const).flatMap((name) => [
    ...['--add-section', `.${name}=${files[name]}`],
    ...['--change-section-vma', `.${name}=0x${ADDRESSES[name].toString(16)}`],
  ])
  const stub = join(tree, 'usr/lib/systemd/boot/efi/linuxx64.efi.stub')
  const objcopy = join(tree, 'usr/bin/x86_64-linux-gnu-objcopy')
  execFileSync('env', [peerEnvironment(tree), objcopy, ...sections, stub, output])
}
