import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { peerEnvironment } from './debian-peer.ts'

const MODULES = ['normal', 'net', 'efinet', 'tftp', 'http', 'linux', 'configfile', 'echo', 'test']

/** Makes an EFI GRUB that finds its machine's configuration by its prefix alone, out of unpacked packages of GRUB. */
export function makeNetGrub(
  tree: string,
  { output, target }: { readonly output: string; readonly target: string },
): void {
  const args = ['-d', join(tree, 'usr/lib/grub', target), '-O', target, '-p', '/grub', '-o', output]
  execFileSync('env', [peerEnvironment(tree), join(tree, 'usr/bin/grub-mkimage'), ...args, ...MODULES])
}
