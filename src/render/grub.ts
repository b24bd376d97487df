import { type Mac, macWithDashes } from '../lib/mac.ts'
import {
  type BootScript,
  type ConfirmScript,
  firstUrl,
  type MenuEntry,
  type MenuScript,
  type PageScript,
  type QueueScript,
  type RecoveryScript,
  type Script,
  type ScriptFile,
} from '../model/script.ts'

/** How long the screens wait for a key, in seconds; `READ_SECONDS` before a menu covers what was told. */
const SCREEN_SECONDS = 30
const PAGE_SECONDS = 120
const READ_SECONDS = 20

/**
 * A script in GRUB's language (GRUB manual 2.06, "Shell-like scripting" and "Network"): every value is one
 * single-quoted word, in which no character is special; a value that a single-quoted word cannot hold throws.
 */
export function renderGrub(script: Script): string {
  switch (script.kind) {
    case 'identify':
      // `$net_default_mac` is set by GRUB itself from the card's address: hexadecimal digits and colons.
      return lines(
        '# Centra PXE: tells the server which machine this is; the answer is its own script',
        `configfile ${quote(device(script.server))}/boot/$net_default_mac.grub`,
      )
    case 'boot':
      return boot(script)
    case 'menu':
      return menu(script)
    case 'local-disk':
      return lines('# Centra PXE: boots the local disk', `echo ${quote(script.because)}`, 'exit')
    case 'confirm':
      return confirm(script)
    case 'page':
      return page(script)
    case 'recovery':
      return recovery(script)
    case 'queue':
      return queue(script)
    default:
      return script satisfies never
  }
}

function boot(script: BootScript): string {
  const needs = script.needs === undefined ? [] : [`echo ${quote(`Needs: ${script.needs}`)}`]
  const warning = script.warning === undefined ? [] : [`echo ${quote(`WARNING: ${script.warning}`)}`]
  const first = (file: ScriptFile): string => quote(path(firstUrl(file, 'grub')))
  const initrds = script.initrds.map(first)
  return lines(
    `# Centra PXE: ${comment(script.title)}`,
    `echo ${quote(`Centra PXE: ${script.title}`)}`,
    ...needs,
    ...warning,
    ...linux(script, first(script.kernel)),
    ...(initrds.length === 0 ? ['boot'] : [`if initrd ${initrds.join(' ')}; then`, '  boot', 'fi']),
    ...initrdsOfOurs(script, initrds),
    ...(script.client === undefined ? [] : reportFailure(script.server, script.client)),
  )
}

/** From the other server, and from ours where that fails. */
function linux({ kernel, cmdline }: BootScript, first: string): readonly string[] {
  const command = (at: string): string => ['linux', at, ...cmdline.map(quoteArgument)].join(' ')
  const own = ownPath(kernel)
  return own === undefined
    ? [command(first)]
    : [`if ${command(first)}; then`, '  set files=other', 'else', `  ${command(own)}`, 'fi']
}

function initrdsOfOurs({ initrds }: BootScript, first: readonly string[]): readonly string[] {
  const own = initrds.map((file, i) => ownPath(file) ?? first[i] ?? '')
  return own.every((one, i) => one === first[i]) ? [] : [`if initrd ${own.join(' ')}; then`, '  boot', 'fi']
}

/** Where ours is, marked as asked for in another's place; undefined when ours is asked first. */
function ownPath(file: ScriptFile): string | undefined {
  const { fallback } = file
  return fallback === undefined || firstUrl(file, 'grub') === fallback
    ? undefined
    : quote(`${path(fallback)}?fallback=grub`)
}

/** GRUB cannot tell which of the commands failed, nor why; its own message is on the screen. */
function reportFailure(server: string, client: Mac): readonly string[] {
  return [
    '# Only a failed step comes here: the server is told, and answers with a way on',
    `configfile ${scriptPath(server, client, '?failed=boot')}`,
  ]
}

function menu(script: MenuScript): string {
  const { server, client } = script
  const chosen = ({ key, title }: MenuEntry): readonly string[] =>
    entry(key, title, [`configfile ${scriptPath(server, client, `?choice=${key}`)}`])
  return lines(
    `# Centra PXE: the menu of ${client}`,
    `set timeout=${script.timeoutSeconds}`,
    `set default=${quote(script.default)}`,
    ...script.profiles.flatMap(chosen),
    ...chosen({ key: 'local', title: 'Boot from the local disk' }),
    ...chosen(script.rescue),
    ...chosen({ key: 'info', title: 'What this machine is' }),
    ...entry('reboot', 'Reboot', ['reboot']),
    ...entry('poweroff', 'Power off', ['halt']),
  )
}

function confirm({ server, client, profile, warning }: ConfirmScript): string {
  const confirmed = `?choice=${profile.key}&confirmed=yes`
  return lines(
    `# Centra PXE: ${client} chose ${profile.key}, which has a warning`,
    `set timeout=${SCREEN_SECONDS}`,
    // Not the menu: its time-out may have led here, and nobody would ever leave.
    'set default=local',
    ...entry('menu', `WARNING: ${warning}. Back to the menu`, [`configfile ${scriptPath(server, client)}`]),
    ...entry('boot', 'Boot it all the same', [`configfile ${scriptPath(server, client, confirmed)}`]),
    ...entry('local', 'Boot from the local disk', [
      `configfile ${scriptPath(server, client, '?choice=local')}`,
    ]),
  )
}

function page({ server, client, title, lines: text }: PageScript): string {
  return lines(
    `# Centra PXE: a page for ${client}`,
    'clear',
    ...[title, ...text].map(shown),
    'echo Press Escape to go back',
    `sleep --interruptible ${PAGE_SECONDS}`,
    `configfile ${scriptPath(server, client)}`,
  )
}

function recovery({ server, client, step, lines: text, choice }: RecoveryScript): string {
  const again = choice === undefined ? '' : `?choice=${choice}&confirmed=yes`
  return lines(
    `# Centra PXE: a boot step of ${client} failed`,
    `set timeout=${SCREEN_SECONDS}`,
    'set default=local',
    ...[`The boot failed: ${step}`, ...text].map(shown),
    `sleep --interruptible ${READ_SECONDS}`,
    ...entry('retry', 'Try again', [`configfile ${scriptPath(server, client, again)}`]),
    ...entry('local', 'Boot from the local disk', ['exit']),
  )
}

/**
 * The first of them asks in a loop, with `source`; `configfile` would go one level deeper each time. What is sourced boots,
 * or comes back here after it has shown the new place.
 */
function queue({
  server,
  client,
  title,
  place,
  waiting,
  loading,
  retrySeconds,
  choice,
  again,
}: QueueScript): string {
  const query = choice === undefined ? '?queued=yes' : `?choice=${choice}&confirmed=yes&queued=yes`
  const load = loading === 1 ? '1 machine is loading' : `${loading} machines are loading`
  const told = `You are number ${place} of ${waiting} in the queue; ${load}`
  if (again === true) return lines(`# Centra PXE: ${client} still waits`, `echo ${quote(told)}`)
  return lines(
    `# Centra PXE: ${client} waits`,
    `echo ${quote(`Centra PXE: ${title}`)}`,
    `echo ${quote(`${told}; asks again every ${retrySeconds} s, Escape ends it`)}`,
    `while sleep --interruptible ${retrySeconds}; do`,
    `  source ${scriptPath(server, client, query)}`,
    'done',
  )
}

/** Any text on the screen. */
function shown(text: string): string {
  return `echo ${quote(text.replace(/[^\x20-\x7e]|'/g, '.'))}`
}

function entry(id: string, title: string, commands: readonly string[]): readonly string[] {
  return [`menuentry ${quote(title)} --id ${quote(id)} {`, ...commands.map((line) => `  ${line}`), '}']
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`
}

/** One word to GRUB. Single quotes keep everything but themselves; line ends would end a comment or an echo. */
function quote(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text) || text.includes("'"))
    throw new Error(`not a GRUB word: ${JSON.stringify(text)}`)
  return `'${text}'`
}

/**
 * A kernel argument. GRUB's `linux` escapes quotes, backslashes and spaces of its words when it builds the command
 * line (grub-core/lib/cmdline.c), so `a="b c"` is passed as the word `a=b c`, which GRUB quotes again.
 */
function quoteArgument(argument: string): string {
  return quote(argument.replaceAll('"', ''))
}

function comment(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text) || text.endsWith('\\'))
    throw new Error(`not a GRUB comment: ${JSON.stringify(text)}`)
  return text
}

/** `http://10.77.0.1:8080` as GRUB's device `(http,10.77.0.1:8080)`. */
function device(server: string): string {
  const url = new URL(server)
  return `(http,${url.host})`
}

function path(url: string): string {
  const { pathname } = new URL(url)
  return `${device(url)}${pathname}`
}

function scriptPath(server: string, client: Mac, query = ''): string {
  return quote(`${device(server)}/boot/${macWithDashes(client)}.grub${query}`)
}
