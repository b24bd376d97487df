import { type Mac, macWithDashes } from '../lib/mac.ts'
import type { BootScript, MenuScript, Script } from '../model/script.ts'

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
    case 'recovery':
      return lines(
        `# Centra PXE: a boot step of ${script.client} failed`,
        'set timeout=30',
        'set default=local',
        `echo ${quote(script.problem)}`,
        ...entry('retry', 'Try again', [`configfile ${scriptPath(script.server, script.client)}`]),
        ...entry('local', 'Boot from the local disk', ['exit']),
      )
    default:
      return script satisfies never
  }
}

function boot(script: BootScript): string {
  const needs = script.needs === undefined ? [] : [`echo ${quote(`Needs: ${script.needs}`)}`]
  const warning = script.warning === undefined ? [] : [`echo ${quote(`WARNING: ${script.warning}`)}`]
  const initrds = script.initrds.map((file) => quote(path(file.url)))
  return lines(
    `# Centra PXE: ${comment(script.title)}`,
    `echo ${quote(`Centra PXE: ${script.title}`)}`,
    ...needs,
    ...warning,
    ['linux', quote(path(script.kernel.url)), ...script.cmdline.map(quoteArgument)].join(' '),
    ...(initrds.length === 0 ? [] : [['initrd', ...initrds].join(' ')]),
    'boot',
  )
}

function menu(script: MenuScript): string {
  const configFile = (key: string): string =>
    `configfile ${quote(`${device(script.server)}/boot/${macWithDashes(script.client)}.grub?choice=${key}`)}`
  const entries = script.entries.map((item) =>
    entry(item.key, item.title, [item.key === 'local' ? 'exit' : configFile(item.key)]),
  )
  return lines(
    `# Centra PXE: the menu of ${script.client}`,
    `set timeout=${script.timeoutSeconds}`,
    `set default=${quote(script.default)}`,
    ...entries.flat(),
  )
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

function scriptPath(server: string, client: Mac): string {
  return quote(`${device(server)}/boot/${macWithDashes(client)}.grub`)
}
