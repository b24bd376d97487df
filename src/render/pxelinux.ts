import { type Mac, macWithDashes } from '../lib/mac.ts'
import type { LocalDiskMethod } from '../model/config.ts'
import {
  type BootScript,
  firstUrl,
  type MenuEntry,
  type MenuScript,
  type RecoveryScript,
  type Script,
} from '../model/script.ts'

/** How the loader fetches what it is told: `tftp` by names below its own folder, `http` by whole addresses. */
export type PxelinuxFetches = 'tftp' | 'http'

/** In tenths of a second, as TIMEOUT wants it. */
const SCREEN_TIMEOUT = 300
const PAGE_TIMEOUT = 1200

/**
 * A script as a configuration of PXELINUX (syslinux doc/syslinux.txt; read by U-Boot and petitboot too): a line is a keyword and
 * the rest of the line as it stands, so that a text of one printable line cannot become another keyword. Texts for people are
 * made one; an address, a key or an argument that is none throws. PXELINUX cannot tell a failed step: its own prompt is the way on.
 */
export function renderPxelinux(script: Script, over: PxelinuxFetches): string {
  switch (script.kind) {
    case 'identify':
      return localDisk('this machine has not said who it is')
    case 'boot':
      return boot(script, over)
    case 'program':
      return localDisk('PXELINUX cannot start a program for UEFI')
    case 'sanboot':
    case 'chain':
      return localDisk(`PXELINUX cannot ${script.kind}`)
    case 'refusal': {
      const { server, client, title, lines } = script
      return screen('local', SCREEN_TIMEOUT, [
        ...[title, ...lines].flatMap(say),
        ...say(''),
        ...entry('retry', 'Try again', config({ server, client, over })),
        ...entry('local', 'Boot from the local disk', ['LOCALBOOT 0']),
      ])
    }
    case 'menu':
      return menu(script, over)
    case 'local-disk':
      return localDisk(script.because, script.method)
    case 'confirm': {
      const { server, client, profile, warning } = script
      const own = { server, client, over }
      return screen('local', SCREEN_TIMEOUT, [
        ...say(`WARNING: ${warning}`),
        ...say(''),
        ...entry('menu', 'Back to the menu', config(own)),
        ...entry('boot', 'Boot it all the same', config(own, `${profile.key}/confirmed`)),
        ...entry('local', 'Boot from the local disk', config(own, 'local')),
      ])
    }
    case 'password':
    case 'page': {
      const { server, client, lines } = script
      const title = script.kind === 'page' ? script.title : script.entry.title
      return screen('back', PAGE_TIMEOUT, [
        ...[title, ...lines].flatMap(say),
        ...say(''),
        ...entry('back', 'Back', config({ server, client, over })),
      ])
    }
    case 'recovery':
      return recovery(script, over)
    case 'queue': {
      const { server, client, place, waiting, loading, retrySeconds, choice } = script
      const chosen = choice === undefined ? '' : `${choice}/confirmed`
      return screen('again', retrySeconds * 10, [
        ...say(`You are number ${place} of ${waiting} in the queue; ${loading} load`),
        ...entry('again', 'Ask now', config({ server, client, over }, chosen)),
        ...entry('local', 'Boot from the local disk', ['LOCALBOOT 0']),
      ])
    }
    default:
      return script satisfies never
  }
}

function boot(script: BootScript, over: PxelinuxFetches): string {
  const { title, warning, needs, kernel, initrds, cmdline } = script
  return lines(
    `# ${shown(`Centra PXE: ${title}`)}`,
    ...say(`Centra PXE: ${title}`),
    ...(needs === undefined ? [] : say(`Needs: ${needs}`)),
    ...(warning === undefined ? [] : say(`WARNING: ${warning}`)),
    'DEFAULT boot',
    'PROMPT 0',
    'LABEL boot',
    `  LINUX ${name(firstUrl(kernel, 'pxelinux'), over)}`,
    ...(initrds.length === 0
      ? []
      : [`  INITRD ${initrds.map((file) => name(firstUrl(file, 'pxelinux'), over)).join(',')}`]),
    `  APPEND ${cmdline.map(line).join(' ')}`,
  )
}

/** 0x80: the BIOS's first disk; -1: back to the firmware with a failure. */
const LOCAL_BOOT: Readonly<Record<LocalDiskMethod, string>> = {
  ...{ exit: '0', 'exit-failure': '-1', 'first-disk': '0x80', search: '0' },
}

function localDisk(because: string, method: LocalDiskMethod = 'exit'): string {
  return lines(
    '# Centra PXE: boots the local disk',
    ...say(because),
    'DEFAULT local',
    'PROMPT 0',
    'LABEL local',
    // 0: back to the firmware, which goes on to its next device (syslinux doc/syslinux.txt, LOCALBOOT).
    `  LOCALBOOT ${LOCAL_BOOT[method]}`,
  )
}

/** What is hidden is not shown, but can be typed. */
function menu(script: MenuScript, over: PxelinuxFetches): string {
  const { server, client, title, profiles, rescue, timeoutSeconds, isBelow } = script
  const own = { server, client, over }
  const chosen = ({ key, title: words, hidden }: MenuEntry): readonly string[] => {
    const all = entry(key, words, config(own, key))
    return hidden === true ? all.filter((one) => !one.startsWith('SAY')) : all
  }
  return screen(script.default, timeoutSeconds * 10, [
    `MENU TITLE ${shown(title)}`,
    ...say(title),
    ...say(''),
    ...profiles.flatMap(chosen),
    ...(isBelow === true ? entry('menu', 'Back to the menu', config(own)) : []),
    ...chosen({ key: 'local', title: 'Boot from the local disk' }),
    ...(rescue === undefined ? [] : chosen(rescue)),
    ...(isBelow === true ? [] : chosen({ key: 'info', title: 'What this machine is' })),
  ])
}

function recovery(
  { server, client, step, lines: text, choice, rescue }: RecoveryScript,
  over: PxelinuxFetches,
): string {
  const own = { server, client, over }
  return screen(rescue === undefined ? 'local' : 'rescue', SCREEN_TIMEOUT, [
    ...[`The boot failed: ${step}`, ...text].flatMap(say),
    ...say(''),
    ...entry('retry', 'Try again', config(own, choice === undefined ? '' : `${choice}/confirmed`)),
    ...(rescue === undefined ? [] : entry('rescue', rescue.title, config(own, `${rescue.key}/confirmed`))),
    ...entry('local', 'Boot from the local disk', ['LOCALBOOT 0']),
  ])
}

/** A prompt: the words of the entries are shown, and typed; nothing else is a command (IMPLICIT 0). */
function screen(preset: string, timeout: number, content: readonly string[]): string {
  return lines(
    '# Centra PXE',
    'IMPLICIT 0',
    'ALLOWOPTIONS 0',
    `DEFAULT ${word(preset)}`,
    'PROMPT 1',
    `TIMEOUT ${timeout}`,
    ...content,
    ...say(''),
    ...say('Type one of the words on the left, then Enter'),
  )
}

function entry(key: string, title: string, commands: readonly string[]): readonly string[] {
  const label = word(key)
  return [
    ...say(`  ${label.padEnd(16)} ${title}`),
    `LABEL ${label}`,
    `  MENU LABEL ${shown(title)}`,
    ...commands.map((command) => `  ${command}`),
  ]
}

interface Own {
  readonly server: string
  readonly client: Mac
  readonly over: PxelinuxFetches
}

/** The machine's own configuration once more, now with what was chosen. */
function config({ server, client, over }: Own, choice = ''): readonly string[] {
  const own = `pxelinux.cfg/01-${macWithDashes(client)}${choice === '' ? '' : `/${choice}`}`
  return [`CONFIG ${over === 'http' ? `${server}/` : ''}${word(own)}`]
}

/** A file's address; over TFTP its name, which has no blank and no comma (INITRD takes a list). */
function name(url: string, over: PxelinuxFetches): string {
  const { pathname, href } = new URL(url)
  return word(over === 'http' ? href : pathname.slice(1))
}

/** Any text on the screen. Also without one the blank after the keyword: PXELINUX prints from there on (com32/elflink/ldlinux/readconfig.c). */
function say(text: string): readonly string[] {
  return [`SAY ${shown(text)}`]
}

function shown(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '.')
}

function word(text: string): string {
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(text)) throw new Error(`not a PXELINUX word: ${JSON.stringify(text)}`)
  return text
}

function line(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new Error(`not a PXELINUX line: ${JSON.stringify(text)}`)
  return text
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
