import type { Mac } from '../lib/mac.ts'
import type { ConfirmScript, MenuEntry, MenuScript, PageScript, PasswordScript } from '../model/script.ts'
import { SETTINGS } from '../protocol/ipxe/words.ts'
import type { IpxeEmitter } from './ipxe-emitter.ts'
import { failed } from './ipxe-failure.ts'
import { chainTo, choose, notes, SCREEN_SECONDS, scriptUrl } from './ipxe-parts.ts'

/** A page is read, not passed: it waits longer. */
const PAGE_SECONDS = 120

/** The menu of a machine, or one of those below it. What the loader can do by itself needs no server. */
export function menu(out: IpxeEmitter, script: MenuScript): void {
  const { server, client } = script
  out.comment(`Centra PXE: the menu of ${client}`).label('menu').menu(script.title)
  if (script.isBelow === true) {
    menuBelow(out, script)
    return
  }
  const shown = script.profiles.filter(({ hidden }) => hidden !== true)
  if (shown.length > 0) out.note('This machine becomes')
  entries(out, shown)
  out.space().note('Or').item('local', 'l', 'Boot from the local disk')
  if (script.rescue !== undefined) out.item(script.rescue.key, 'r', script.rescue.title)
  out.space().note('Tools').item('info', 'i', 'What this machine is')
  out.item('shell', 's', 'iPXE shell').item('network', 'n', 'Ask DHCP for an address again')
  out.item('reboot', 'b', 'Reboot').item('poweroff', 'p', 'Power off')
  hiddenEntries(out, script.profiles)
  choose(out, { seconds: script.timeoutSeconds, default: script.default, cancelled: 'local_disk' })
  for (const tool of TOOLS) out.when(['iseq', SETTINGS.choice, tool], ['goto', `tool_${tool}`])
  out.blank().comment('Everything else the server decides')
  out.run('set', 'step', 'menu').run('set', 'url', `${scriptUrl(server, client)}?choice=${SETTINGS.choice}`)
  for (const known of ['info', 'local'] as const)
    out.when(['iseq', SETTINGS.choice, known], ['set', 'url', factsUrl(server, client, known)])
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  tools(out, server)
  failed(out, server, client)
}

/** Keys that are written count; the others get the digits that are left. */
function entries(out: IpxeEmitter, shown: readonly MenuEntry[]): void {
  const written = new Set(shown.map(({ shortcut }) => shortcut))
  const digits = DIGITS.filter((digit) => !written.has(digit))
  for (const { key, title, shortcut, locked } of shown)
    out.item(key, shortcut ?? digits.shift(), locked === true ? `${title} (password)` : title)
}

/** A line without text at the end: iPXE 1.0 can hide none. */
function hiddenEntries(out: IpxeEmitter, all: readonly MenuEntry[]): void {
  for (const { key, hidden, shortcut } of all)
    if (hidden === true && shortcut !== undefined) out.hiddenItem(key, shortcut)
}

function menuBelow(out: IpxeEmitter, { server, client, profiles, timeoutSeconds }: MenuScript): void {
  entries(
    out,
    profiles.filter(({ hidden }) => hidden !== true),
  )
  out.space().item('menu', 'b', 'Back to the menu').item('local', 'l', 'Boot from the local disk')
  hiddenEntries(out, profiles)
  choose(out, { seconds: timeoutSeconds, default: 'menu', cancelled: 'back' })
  out.when(['iseq', SETTINGS.choice, 'menu'], ['goto', 'back'])
  out.run('set', 'step', 'menu').run('set', 'url', `${scriptUrl(server, client)}?choice=${SETTINGS.choice}`)
  out.when(['iseq', SETTINGS.choice, 'local'], ['set', 'url', factsUrl(server, client, 'local')])
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  out.label('back').run('set', 'step', 'menu').run('set', 'url', scriptUrl(server, client))
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  failed(out, server, client)
}

/**
 * iPXE asks for a user and a password (`login`). As a part of the address the password is not shown, and sent only where the
 * server asks; what is told of a failure has the address without it.
 */
export function password(out: IpxeEmitter, { server, client, entry, lines }: PasswordScript): void {
  out.comment(`Centra PXE: ${client} chose ${entry.key}, which needs a password`).menu(entry.title)
  notes(out, lines)
  out.space().item('type', 'p', 'Type the password (the user is already there: press Enter)')
  out.item('menu', 'b', 'Back to the menu')
  choose(out, { seconds: PAGE_SECONDS, default: 'menu', cancelled: 'back' })
  out.when(['iseq', SETTINGS.choice, 'menu'], ['goto', 'back'])
  out.tryRun('clear', 'password').run('set', 'username', 'menu').runOrGoto('back', 'login')
  const url = `${scriptUrl(server, client)}?choice=${entry.key}&unlock=yes`
  out.run('set', 'choice', entry.key).run('set', 'step', 'menu').run('set', 'url', url)
  out.runOrGoto('failed', ...chainTo(url.replace('://', `://menu:${SETTINGS.password}@`))).blank()
  out
    .label('back')
    .tryRun('clear', 'password')
    .run('set', 'step', 'menu')
    .run('set', 'url', scriptUrl(server, client))
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  failed(out, server, client)
}

/** With what the machine knows of itself, which the choice needs. */
function factsUrl(server: string, client: Mac, choice: 'info' | 'local'): string {
  const facts = [
    `uuid=${SETTINGS.uuid}&serial=${SETTINGS.serial}`,
    `manufacturer=${SETTINGS.manufacturer}&product=${SETTINGS.product}`,
    `arch=${SETTINGS.buildarch}&platform=${SETTINGS.platform}`,
    `ip=${SETTINGS.address}&version=${SETTINGS.version}`,
  ]
  return `${scriptUrl(server, client)}?choice=${choice}&${facts.join('&')}`
}

/** Keys of the first profiles; the others are reached by the arrow keys. */
const DIGITS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const

const TOOLS = ['shell', 'network', 'reboot', 'poweroff'] as const

/** What the loader does by itself. Nothing here needs the server. */
function tools(out: IpxeEmitter, server: string): void {
  out.label('tool_shell').echo('Type exit to come back to the menu').tryRun('shell').run('goto', 'menu')
  out.blank().label('tool_network').tryRun('ifclose')
  out.run('set', 'step', 'dhcp').tryRun('clear', 'url').runOrGoto('failed', 'dhcp')
  out
    .run('set', 'step', 'script')
    .run('set', 'url', `${server}/boot.ipxe`)
    .runOrGoto('failed', ...chainTo(SETTINGS.url))
  // Debian's BIOS build of iPXE 1.0 has no poweroff: a command that does not exist fails like any other.
  for (const command of ['reboot', 'poweroff']) {
    out.blank().label(`tool_${command}`).tryRun(command)
    out.echo(`This iPXE cannot ${command === 'reboot' ? 'reboot' : 'power off'} the machine; do it by hand.`)
    out.tryRun('prompt', '--timeout', '10000', 'Press', 'a', 'key', 'for', 'the', 'menu').run('goto', 'menu')
  }
  out.blank()
}

/** A profile with a warning boots after one more key. */
export function confirm(out: IpxeEmitter, { server, client, profile, warning }: ConfirmScript): void {
  out.comment(`Centra PXE: ${client} chose ${profile.key}, which has a warning`).menu(profile.title)
  notes(out, [`WARNING: ${warning}`])
  out.space().item(profile.key, 'y', 'Boot it all the same').item('menu', 'b', 'Back to the menu')
  // Not the menu: its time-out may have led here, and nobody would ever leave.
  out.item('local', 'l', 'Boot from the local disk')
  choose(out, { seconds: SCREEN_SECONDS, default: 'local', cancelled: 'back' })
  const url = scriptUrl(server, client)
  out.label('back').run('set', 'step', 'menu').run('set', 'url', url)
  out.when(
    ['iseq', SETTINGS.choice, profile.key],
    ['set', 'url', `${url}?choice=${profile.key}&confirmed=yes`],
  )
  out.when(['iseq', SETTINGS.choice, 'local'], ['set', 'url', `${url}?choice=local`])
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  failed(out, server, client)
}

/** Lines to read, and the way back. */
export function page(out: IpxeEmitter, { server, client, title, lines }: PageScript): void {
  out.comment(`Centra PXE: a page for ${client}`).menu(title)
  notes(out, lines)
  out.space().item('menu', 'b', 'Back')
  choose(out, { seconds: PAGE_SECONDS, default: 'menu', cancelled: 'back' })
  out.label('back').run('set', 'step', 'menu').run('set', 'url', scriptUrl(server, client))
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  failed(out, server, client)
}
