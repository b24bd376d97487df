import type { Mac } from '../lib/mac.ts'
import type { LocalDiskMethod } from '../model/config.ts'
import type {
  BootScript,
  ChainScript,
  ConfirmScript,
  MenuEntry,
  MenuScript,
  PageScript,
  ProgramScript,
  QueueScript,
  RecoveryScript,
  RefusalScript,
  Script,
  ScriptFile,
} from '../model/script.ts'
import { type GrubReach, HTTP_REACH, httpDevice, quote, TFTP_REACH } from './grub-reach.ts'

/** How long the screens wait for a key, in seconds; `READ_SECONDS` before a menu covers what was told. */
const SCREEN_SECONDS = 30
const PAGE_SECONDS = 120
const READ_SECONDS = 20

/**
 * A script in GRUB's language (GRUB manual 2.06, "Shell-like scripting" and "Network"): every value is one
 * single-quoted word, in which no character is special. Texts for people are shown whatever they are; an address, a key or an
 * argument that a single-quoted word cannot hold throws. What was asked over TFTP need not have HTTP.
 */
export function renderGrub(script: Script, over: 'tftp' | 'http' = 'http'): string {
  const at = over === 'http' ? HTTP_REACH : TFTP_REACH
  switch (script.kind) {
    case 'identify':
      // `$net_default_mac` is set by GRUB itself from the card's address: hexadecimal digits and colons.
      return lines(
        '# Centra PXE: tells the server which machine this is; the answer is its own script',
        `configfile ${quote(httpDevice(script.server))}/boot/$net_default_mac.grub`,
      )
    case 'boot':
      return boot(script, at)
    case 'program':
      return program(script, at)
    case 'chain':
      return chain(script, at)
    case 'sanboot':
      return lines(
        '# Centra PXE: boots the local disk',
        'echo GRUB cannot boot a drive over the network',
        'exit',
      )
    case 'refusal':
      return refusal(script, at)
    case 'menu':
      return menu(script, at)
    case 'local-disk':
      return lines('# Centra PXE: boots the local disk', shown(script.because), ...localDisk(script.method))
    case 'confirm':
      return confirm(script, at)
    case 'password':
      return page({ ...script, kind: 'page', title: script.entry.title }, at)
    case 'page':
      return page(script, at)
    case 'recovery':
      return recovery(script, at)
    case 'queue':
      return queue(script, at)
    default:
      return script satisfies never
  }
}

function boot(script: BootScript, at: GrubReach): string {
  const cmdline = script.cmdline.map(quoteArgument)
  const kernels = at.places(script.kernel).map((place) => ['linux', place, ...cmdline].join(' '))
  return lines(
    ...head(script),
    ...firstOf(kernels),
    ...(script.initrds.length === 0 ? ['boot'] : withInitrds(script.initrds, at)),
    ...(script.client === undefined ? [] : reportFailure(script.server, script.client, at)),
  )
}

/** What is told before anything is loaded. */
function head({ title, needs, warning }: Pick<BootScript, 'title' | 'needs' | 'warning'>): readonly string[] {
  return [
    `# ${printed(`Centra PXE: ${title}`)}`,
    shown(`Centra PXE: ${title}`),
    ...(needs === undefined ? [] : [shown(`Needs: ${needs}`)]),
    ...(warning === undefined ? [] : [shown(`WARNING: ${warning}`)]),
  ]
}

/** What ended comes back here, and goes on to the next entry of the firmware's boot order. */
function program(script: ProgramScript, at: GrubReach): string {
  const words = script.cmdline.map((argument) => ` ${quote(argument)}`).join('')
  return lines(
    ...head(script),
    ...at
      .places(script.program)
      .flatMap((place) => [`if chainloader ${place}${words}; then`, '  if boot; then exit; fi', 'fi']),
    ...(script.client === undefined ? [] : reportFailure(script.server, script.client, at)),
  )
}

/** By the end of its name a program, or a configuration. */
function chain(script: ChainScript, at: GrubReach): string {
  const { pathname, search } = new URL(script.url)
  const place = quote(`${httpDevice(script.url)}${pathname}${search}`)
  const isProgram = pathname.endsWith('.efi')
  return lines(
    ...head(script),
    ...(isProgram
      ? [`if chainloader ${place}; then`, '  if boot; then exit; fi', 'fi']
      : [`if configfile ${place}; then exit; fi`]),
    ...(script.client === undefined ? [] : reportFailure(script.server, script.client, at)),
  )
}

function refusal({ server, client, title, lines: text }: RefusalScript, at: GrubReach): string {
  return lines(
    `# Centra PXE: ${client} cannot boot what it should`,
    `set timeout=${SCREEN_SECONDS}`,
    'set default=local',
    ...[title, ...text].map(shown),
    `sleep --interruptible ${READ_SECONDS}`,
    ...entry('retry', 'Try again', [`configfile ${at.script(server, client)}`]),
    ...entry('local', 'Boot from the local disk', ['exit']),
  )
}

/** By vendor, then the loader of removable media (UEFI 2.10 §3.5.1.1), which some systems install as well. */
const DISK_LOADERS: readonly string[] = [
  ...[
    'debian',
    'ubuntu',
    'fedora',
    'redhat',
    'rocky',
    'almalinux',
    'centos',
    'opensuse',
    'sles',
    'arch',
  ].flatMap((vendor) => [
    `/EFI/${vendor}/shimx64.efi`,
    `/EFI/${vendor}/shimaa64.efi`,
    `/EFI/${vendor}/grubx64.efi`,
  ]),
  ...['/EFI/systemd/systemd-bootx64.efi', '/EFI/systemd/systemd-bootaa64.efi'],
  '/EFI/Microsoft/Boot/bootmgfw.efi',
  ...['/EFI/BOOT/BOOTX64.EFI', '/EFI/BOOT/BOOTAA64.EFI'],
]

const SEARCH: readonly string[] = [
  `for loader in ${DISK_LOADERS.join(' ')}; do`,
  '  if search --no-floppy --set=disk --file $loader; then',
  '    if chainloader ($disk)$loader; then boot; fi',
  '  fi',
  'done',
]

/**
 * On UEFI `exit` ends with success, after which the firmware may show its own menu (UEFI 2.10 §3.1): so a system's loader is
 * looked for first.
 */
function localDisk(method?: LocalDiskMethod): readonly string[] {
  switch (method) {
    case 'exit':
      return ['exit']
    case 'exit-failure':
      return ['exit 1']
    case 'first-disk':
      return ['set root=(hd0)', 'if chainloader +1; then boot; fi', 'exit']
    case 'search':
      return [...SEARCH, 'exit']
    case undefined:
      return ['if [ "$grub_platform" = efi ]; then', ...SEARCH.map((line) => `  ${line}`), 'fi', 'exit']
    default:
      return method satisfies never
  }
}

/** Each where the one before failed. */
function firstOf([command = '', ...others]: readonly string[]): readonly string[] {
  if (others.length === 0) return [command]
  const rest = firstOf(others).map((line) => `  ${line}`)
  return [`if ${command}; then`, '  set loaded=yes', 'else', ...rest, 'fi']
}

/** From each place in turn, all of them from the same one. */
function withInitrds(initrds: readonly ScriptFile[], at: GrubReach): readonly string[] {
  const places = initrds.map((file) => at.places(file))
  const tries = places.reduce((most, some) => (some.length > most.length ? some : most), [])
  return tries.flatMap((_, i) => [
    `if initrd ${places.map((some) => some[i] ?? some.at(-1) ?? '').join(' ')}; then`,
    '  boot',
    'fi',
  ])
}

/** GRUB cannot tell which of the commands failed, nor why; its own message is on the screen. */
function reportFailure(server: string, client: Mac, at: GrubReach): readonly string[] {
  return [
    '# Only a failed step comes here: the server is told, and answers with a way on',
    `configfile ${at.script(server, client, { because: 'failed' })}`,
  ]
}

/** GRUB hides no entry: what is hidden is left out. */
function menu(script: MenuScript, at: GrubReach): string {
  const { server, client, profiles, rescue, isBelow } = script
  const chosen = ({ key, title, shortcut }: MenuEntry): readonly string[] =>
    entry(key, title, [`configfile ${at.script(server, client, { choice: key })}`], shortcut)
  const offered = profiles.filter(({ hidden }) => hidden !== true).flatMap(chosen)
  const local = chosen({ key: 'local', title: 'Boot from the local disk' })
  const first = [
    `# Centra PXE: the menu of ${client}`,
    `set timeout=${script.timeoutSeconds}`,
    `set default=${quote(script.default)}`,
    ...offered,
  ]
  if (isBelow === true)
    return lines(
      ...first,
      ...entry('menu', 'Back to the menu', [`configfile ${at.script(server, client)}`]),
      ...local,
    )
  return lines(
    ...first,
    ...local,
    ...(rescue === undefined ? [] : chosen(rescue)),
    ...chosen({ key: 'info', title: 'What this machine is' }),
    ...entry('reboot', 'Reboot', ['reboot']),
    ...entry('poweroff', 'Power off', ['halt']),
  )
}

function confirm({ server, client, profile, warning }: ConfirmScript, at: GrubReach): string {
  const confirmed = { choice: profile.key, confirmed: true } as const
  return lines(
    `# Centra PXE: ${client} chose ${profile.key}, which has a warning`,
    `set timeout=${SCREEN_SECONDS}`,
    // Not the menu: its time-out may have led here, and nobody would ever leave.
    'set default=local',
    ...entry('menu', `WARNING: ${warning}. Back to the menu`, [`configfile ${at.script(server, client)}`]),
    ...entry('boot', 'Boot it all the same', [`configfile ${at.script(server, client, confirmed)}`]),
    ...entry('local', 'Boot from the local disk', [
      `configfile ${at.script(server, client, { choice: 'local' })}`,
    ]),
  )
}

function page({ server, client, title, lines: text }: PageScript, at: GrubReach): string {
  return lines(
    `# Centra PXE: a page for ${client}`,
    'clear',
    ...[title, ...text].map(shown),
    'echo Press Escape to go back',
    `sleep --interruptible ${PAGE_SECONDS}`,
    `configfile ${at.script(server, client)}`,
  )
}

function recovery(script: RecoveryScript, at: GrubReach): string {
  const { server, client, step, lines: text, choice, rescue } = script
  const again = choice === undefined ? {} : ({ choice, confirmed: true } as const)
  return lines(
    `# Centra PXE: a boot step of ${client} failed`,
    `set timeout=${SCREEN_SECONDS}`,
    `set default=${rescue === undefined ? 'local' : 'rescue'}`,
    ...[`The boot failed: ${step}`, ...text].map(shown),
    `sleep --interruptible ${READ_SECONDS}`,
    ...entry('retry', 'Try again', [`configfile ${at.script(server, client, again)}`]),
    ...(rescue === undefined
      ? []
      : entry('rescue', rescue.title, [
          `configfile ${at.script(server, client, { choice: rescue.key, confirmed: true })}`,
        ])),
    ...entry('local', 'Boot from the local disk', ['exit']),
  )
}

/**
 * The first of them asks in a loop, with `source`; `configfile` would go one level deeper each time. What is sourced boots,
 * or comes back here after it has shown the new place.
 */
function queue(script: QueueScript, at: GrubReach): string {
  const { server, client, title, place, waiting, loading, retrySeconds, choice, again } = script
  const chosen = choice === undefined ? {} : ({ choice, confirmed: true } as const)
  const load = loading === 1 ? '1 machine is loading' : `${loading} machines are loading`
  const told = `You are number ${place} of ${waiting} in the queue; ${load}`
  if (again === true) return lines(`# Centra PXE: ${client} still waits`, shown(told))
  return lines(
    `# Centra PXE: ${client} waits`,
    shown(`Centra PXE: ${title}`),
    shown(`${told}; asks again every ${retrySeconds} s, Escape ends it`),
    `while sleep --interruptible ${retrySeconds}; do`,
    `  source ${at.script(server, client, { ...chosen, because: 'queued' })}`,
    'done',
  )
}

/** Any text on the screen. */
function shown(text: string): string {
  return `echo ${quote(printed(text))}`
}

/** What GRUB cannot print, or hold in single quotes, as dots; a backslash at the end would take the next line to a comment. */
function printed(text: string): string {
  return text.replace(/[^\x20-\x7e]|'|\\$/g, '.')
}

function entry(id: string, title: string, commands: readonly string[], hotkey?: string): readonly string[] {
  const key = hotkey === undefined ? '' : ` --hotkey ${quote(hotkey)}`
  return [
    `menuentry ${quote(printed(title))} --id ${quote(id)}${key} {`,
    ...commands.map((line) => `  ${line}`),
    '}',
  ]
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`
}

/**
 * A kernel argument. GRUB's `linux` escapes quotes, backslashes and spaces of its words when it builds the command
 * line (grub-core/lib/cmdline.c), so `a="b c"` is passed as the word `a=b c`, which GRUB quotes again.
 */
function quoteArgument(argument: string): string {
  return quote(argument.replaceAll('"', ''))
}
