import { type Mac, macWithDashes } from '../lib/mac.ts'
import { wrap } from '../lib/text.ts'
import type { LocalDiskMethod } from '../model/config.ts'
import { SETTINGS } from '../protocol/ipxe/words.ts'
import type { IpxeEmitter } from './ipxe-emitter.ts'

/** A transfer without progress for so long has failed: iPXE itself would wait for ever (src/core/monojob.c). */
export const STALL_MS = '30000'

/** How long every screen but the menu waits for a key, in seconds. */
export const SCREEN_SECONDS = 30

/** iPXE's menus are 80 columns wide; on UEFI iPXE 1.0 cuts what is longer than this (test/fixtures/story). */
const SCREEN_COLUMNS = 74

interface Choosing {
  readonly seconds: number
  readonly default: string
  /** The label for a person who cancels with Escape. */
  readonly cancelled: string
}

/** A choice with a time-out; `choice` holds the key of the chosen item. */
export function choose(out: IpxeEmitter, { seconds, default: key, cancelled }: Choosing): void {
  const command = ['choose', '--timeout', String(seconds * 1000), '--default', key, 'choice']
  out.tryRun('clear', 'choice').runOrGoto(cancelled, ...command)
}

/** Lines to read in a menu, broken where the screen ends. */
export function notes(out: IpxeEmitter, lines: readonly string[]): void {
  for (const line of lines.flatMap((text) => wrap(text, SCREEN_COLUMNS))) out.shown(line)
}

/**
 * UEFI goes on with its boot order when a boot option fails, and shows its own menu when one succeeds (UEFI 2.10
 * §3.1): hence 1. BIOS is asked for its first disk by INT 13h, and goes on with its own order where that fails.
 */
export function localDisk(out: IpxeEmitter, method?: LocalDiskMethod): void {
  if (method !== undefined) {
    out.firstOf(...LOCAL_DISK[method])
    return
  }
  out.when(['iseq', SETTINGS.platform, 'efi'], ['exit', '1'])
  out.firstOf(['sanboot', '--no-describe', '--drive', '0x80'], ['exit'])
}

/** iPXE 1.0 finds no local drive on UEFI (`--drive 0`: iPXE 1.21 of 2024 and later); then the firmware goes on. */
const LOCAL_DISK: Readonly<Record<LocalDiskMethod, readonly (readonly string[])[]>> = {
  exit: [['exit']],
  'exit-failure': [['exit', '1']],
  'first-disk': [['sanboot', '--no-describe', '--drive', '0x80'], ['exit']],
  search: [
    ['sanboot', '--no-describe', '--drive', '0'],
    ['exit', '1'],
  ],
}

/** Where a machine's own script is. */
export function scriptUrl(server: string, client: Mac): string {
  return `${server}/boot/${macWithDashes(client)}.ipxe`
}

/** `--replace`: the calling script is gone, so nothing after this line runs twice or grows the stack. */
export function chainTo(url: string): readonly string[] {
  return ['chain', '--timeout', STALL_MS, '--replace', '--autofree', url]
}
