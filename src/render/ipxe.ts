import { type Mac, macWithDashes } from '../lib/mac.ts'
import { remember, rememberOf } from '../lib/remember.ts'
import { wrap } from '../lib/text.ts'
import type { LocalDiskMethod } from '../model/config.ts'
import type {
  BootScript,
  ChainScript,
  ConfirmScript,
  IdentifyScript,
  MenuEntry,
  MenuScript,
  PageScript,
  PasswordScript,
  ProgramScript,
  QueueScript,
  RecoveryScript,
  RefusalScript,
  SanScript,
  Script,
  ScriptFile,
} from '../model/script.ts'
import { CARDS, SETTINGS, word } from '../protocol/ipxe/words.ts'
import { IpxeEmitter } from './ipxe-emitter.ts'

/** A transfer without progress for so long has failed: iPXE itself would wait for ever (src/core/monojob.c). */
const STALL_MS = '30000'
/** How long every screen but the menu waits for a key, in seconds. */
const SCREEN_SECONDS = 30
/** A page is read, not passed: it waits longer. */
const PAGE_SECONDS = 120
/** iPXE's menus are 80 columns wide; on UEFI iPXE 1.0 cuts what is longer than this (test/fixtures/story). */
const SCREEN_COLUMNS = 74

/**
 * A script in iPXE's language, of commands that stock builds have since iPXE 1.0 (2019). Throws when a value
 * breaks the grammar of `protocol/ipxe/words.ts`, which validation of the configuration excludes.
 */
export function renderIpxe(script: Script): string {
  const out = new IpxeEmitter()
  switch (script.kind) {
    case 'identify':
      identify(out, script)
      break
    case 'boot':
      boot(out, script)
      break
    case 'program':
      boot(out, script)
      break
    case 'sanboot':
      sanboot(out, script)
      break
    case 'chain':
      chain(out, script)
      break
    case 'refusal':
      refusal(out, script)
      break
    case 'menu':
      menu(out, script)
      break
    case 'confirm':
      confirm(out, script)
      break
    case 'password':
      password(out, script)
      break
    case 'page':
      page(out, script)
      break
    case 'local-disk':
      out.comment('Centra PXE: boots the local disk')
      out.echo(`Centra PXE: local disk, ${script.because}`)
      localDisk(out, script.method)
      break
    case 'recovery':
      recovery(out, script)
      break
    case 'queue':
      queue(out, script)
      break
    default:
      script satisfies never
  }
  return out.finish()
}

function identify(out: IpxeEmitter, { server, opens }: IdentifyScript): void {
  const query = `uuid=${SETTINGS.uuid}&serial=${SETTINGS.serial}&asset=${SETTINGS.asset}&manufacturer=${SETTINGS.manufacturer}&product=${SETTINGS.product}&arch=${SETTINGS.buildarch}&platform=${SETTINGS.platform}`
  out.comment('Centra PXE: tells the server which machine this is; the answer is its own script')
  if (opens !== undefined) openCard(out, opens.card)
  out.run('set', 'step', 'script')
  out.run('set', 'url', `${server}/boot/${SETTINGS.mac}.ipxe?${query}`)
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  failed(out, server, undefined)
}

/** The card that loaded this iPXE has the address that the firmware got: no second DHCP, where iPXE knows it. */
function openCard(out: IpxeEmitter, card: Mac | undefined): void {
  if (card !== undefined) {
    for (const name of CARDS) out.when(['iseq', SETTINGS[name], card], ['set', 'card', name])
    out.when(['isset', SETTINGS.card], ['ifopen', SETTINGS.card])
  }
  out.firstOf(['isset', SETTINGS.address], ['dhcp'], [])
}

/** What is told before anything is loaded. */
function head(
  out: IpxeEmitter,
  { title, needs, warning }: Pick<BootScript, 'title' | 'needs' | 'warning'>,
): void {
  out.comment(`Centra PXE: ${title}`).echo(`Centra PXE: ${title}`)
  if (needs !== undefined) out.echo(`Needs: ${needs}`)
  if (warning !== undefined) out.echo(`WARNING: ${warning}`)
}

/** A drive that cannot be booted comes back with an error; our own copy is tried where another server's is not there. */
function sanboot(out: IpxeEmitter, script: SanScript): void {
  const { drive, initiator } = script
  head(out, script)
  out.tryRun('imgfree').blank()
  // What somebody typed for the menu is no CHAP secret.
  out.tryRun('clear', 'username').tryRun('clear', 'password')
  if (initiator !== undefined) out.run('set', 'initiator-iqn', initiator)
  out.run('set', 'step', 'sanboot').run('set', 'url', drive.url)
  const failing = drive.fallback === undefined ? 'failed' : 'own'
  out.runOrGoto(failing, 'sanboot', SETTINGS.url).blank()
  if (drive.fallback !== undefined) {
    out
      .label('own')
      .run('set', 'fault', SETTINGS.errno)
      .run('set', 'url', `${drive.fallback}?fallback=${SETTINGS.fault}`)
    out.runOrGoto('failed', 'sanboot', SETTINGS.url).blank()
  }
  failed(out, script.server, script.client)
}

/** A script that ends without booting anything comes back here, and so does a program. */
function chain(out: IpxeEmitter, script: ChainScript): void {
  head(out, script)
  out.tryRun('imgfree').blank()
  out.run('set', 'step', 'chain').run('set', 'url', script.url)
  out.runOrGoto('failed', 'chain', '--timeout', STALL_MS, '--autofree', SETTINGS.url).blank()
  out.comment('It ended').echo('Centra PXE: what was chained to has ended; now the local disk')
  localDisk(out)
  out.blank()
  failed(out, script.server, script.client)
}

function boot(out: IpxeEmitter, script: BootScript | ProgramScript): void {
  head(out, script)
  const [kernel, initrds] = script.kind === 'boot' ? [script.kernel, script.initrds] : [script.program, []]
  // EFI kernels before 5.7 find their initrd by initrd=NAME alone; everything else ignores it.
  const initrdArguments = initrds.map((file) => `initrd=${file.name}`)
  const cmdline = [...initrdArguments, ...script.cmdline].join(' ')
  out.tryRun('imgfree').blank()
  const hasFallback = kernel.fallback !== undefined
  const isProgram = script.kind === 'program'
  const last = {
    ...(script.kind === 'boot' && script.kernelLast === true ? { kernelLast: true } : {}),
    ...(script.kind === 'boot' && script.shim !== undefined ? { shim: script.shim } : {}),
  }
  loadAll(
    out,
    { kernel, initrds, isProgram, ...last },
    { cmdline, onFailure: hasFallback ? 'own' : 'failed' },
  )
  if (hasFallback) {
    out.comment('The other server did not give it: everything from ours').label('own')
    out.run('set', 'fault', SETTINGS.errno)
    out.echo(`Centra PXE: ${SETTINGS.url} failed, iPXE error ${SETTINGS.fault}; now from ${script.server}`)
    out.tryRun('imgfree').blank()
    const own = (file: ScriptFile): ScriptFile => ({
      name: file.name,
      url: `${file.fallback ?? file.url}?fallback=${SETTINGS.fault}`,
    })
    const ours = { kernel: own(kernel), initrds: initrds.map(own), isProgram, ...last }
    loadAll(out, ours, { cmdline, onFailure: 'failed' })
  }
  failed(out, script.server, script.client)
}

interface Loading {
  /** Kernel arguments, with single spaces between them. */
  readonly cmdline: string
  /** The label. */
  readonly onFailure: string
}

interface Loaded {
  readonly kernel: ScriptFile
  readonly initrds: readonly ScriptFile[]
  readonly kernelLast?: boolean
  readonly shim?: string
  /** It may end and come back. */
  readonly isProgram: boolean
}

function loadAll(out: IpxeEmitter, loaded: Loaded, { cmdline, onFailure }: Loading): void {
  const { kernel, initrds, isProgram, kernelLast, shim } = loaded
  if (kernelLast !== true) load(out, 'kernel', kernel, { cmdline, onFailure })
  for (const file of initrds) load(out, 'initrd', file, { cmdline: '', onFailure })
  if (kernelLast === true) load(out, 'kernel', kernel, { cmdline, onFailure })
  // Fetched with Secure Boot alone (https://ipxe.org/cmd/shim).
  if (shim !== undefined) out.tryRun('shim', '--timeout', STALL_MS, shim)
  out.append(booting(kernel))
  if (!isProgram) return
  out.comment('The program ended').echo(`Centra PXE: ${kernel.name} ended; now the local disk`)
  localDisk(out)
  out.blank()
}

function load(
  out: IpxeEmitter,
  command: 'kernel' | 'initrd',
  file: ScriptFile,
  { cmdline, onFailure }: Loading,
): void {
  out.appendOrGoto(onFailure, LOADING[command](file), cmdline).blank()
}

/** Of one file, which every machine of a profile has: the step and the URL are noted first, for whoever reads of a failure. */
const LOADING = {
  kernel: rememberOf((file: ScriptFile) => loading('kernel', file)),
  initrd: rememberOf((file: ScriptFile) => loading('initrd', file)),
} as const

function loading(command: string, { name, url }: ScriptFile): string {
  const out = new IpxeEmitter().run('set', 'step', command).run('set', 'url', url)
  return out.run(command, '--timeout', STALL_MS, '--name', name, SETTINGS.url).part()
}

/** The last step. */
const booting = rememberOf(({ url }: ScriptFile) => {
  const out = new IpxeEmitter()
  return out.run('set', 'step', 'boot').run('set', 'url', url).runOrGoto('failed', 'boot').blank().part()
})

function menu(out: IpxeEmitter, script: MenuScript): void {
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
function password(out: IpxeEmitter, { server, client, entry, lines }: PasswordScript): void {
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

function confirm(out: IpxeEmitter, { server, client, profile, warning }: ConfirmScript): void {
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

function page(out: IpxeEmitter, { server, client, title, lines }: PageScript): void {
  out.comment(`Centra PXE: a page for ${client}`).menu(title)
  notes(out, lines)
  out.space().item('menu', 'b', 'Back')
  choose(out, { seconds: PAGE_SECONDS, default: 'menu', cancelled: 'back' })
  out.label('back').run('set', 'step', 'menu').run('set', 'url', scriptUrl(server, client))
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  failed(out, server, client)
}

function recovery(out: IpxeEmitter, script: RecoveryScript): void {
  const { server, client, step, lines, choice, rescue } = script
  const again = choice === undefined ? '' : `?choice=${choice}&confirmed=yes`
  const url = `${scriptUrl(server, client)}${again}`
  out.comment(`Centra PXE: a boot step of ${client} failed`).tryRun('clear', 'trouble')
  wayOut(out, `The boot failed: ${step}`, () => notes(out, lines), rescue)
  out
    .label('retry')
    .run('set', 'url', url)
    .tryRun(...chainTo(SETTINGS.url))
  noAnswer(out, server)
  if (rescue === undefined) return
  out.blank().label('rescue')
  out.run('set', 'url', `${scriptUrl(server, client)}?choice=${rescue.key}&confirmed=yes`)
  out.tryRun(...chainTo(SETTINGS.url))
  noAnswer(out, server)
}

function noAnswer(out: IpxeEmitter, server: string): void {
  out.run('set', 'trouble', 'No', 'answer', 'from', server, 'iPXE', 'error', SETTINGS.errno)
  out.run('goto', 'way_out')
}

function refusal(out: IpxeEmitter, { server, client, title, lines }: RefusalScript): void {
  out.comment(`Centra PXE: ${client} cannot boot what it should`).tryRun('clear', 'trouble')
  wayOut(out, title, () => notes(out, lines))
  out.label('retry').run('set', 'step', 'script').run('set', 'url', scriptUrl(server, client))
  out.tryRun(...chainTo(SETTINGS.url))
  noAnswer(out, server)
}

/** How often the same is asked again where no answer comes, and the seconds between. */
const QUEUE_TRIES = 3
const QUEUE_PAUSE = '5'

/** A server that restarts meanwhile costs nobody the boot: it is asked a few times before that counts as a failure. */
function queue(out: IpxeEmitter, script: QueueScript): void {
  const { server, client, title, place, waiting, loading, retrySeconds, choice } = script
  const query = choice === undefined ? '' : `?choice=${choice}&confirmed=yes`
  const load = loading === 1 ? '1 machine is loading' : `${loading} machines are loading`
  out.comment(`Centra PXE: ${client} waits`).label('wait').menu(title)
  out.note(`You are number ${place} of ${waiting} in the queue; ${load}.`)
  out.note(`Asks again in ${retrySeconds} s`).space()
  out.item('again', 'a', 'Ask now').item('tool_shell', 's', 'iPXE shell')
  out.item('local_disk', 'l', 'Boot from the local disk')
  choose(out, { seconds: retrySeconds, default: 'again', cancelled: 'local_disk' })
  out.run('goto', SETTINGS.choice).blank()
  out.label('again').tryRun('clear', 'choice')
  if (choice !== undefined) out.run('set', 'choice', choice)
  out.run('set', 'step', 'script').run('set', 'url', `${scriptUrl(server, client)}${query}`)
  for (let turn = 1; turn < QUEUE_TRIES; turn += 1)
    out.firstOf(chainTo(SETTINGS.url), ['sleep', QUEUE_PAUSE], [])
  out.runOrGoto('failed', ...chainTo(SETTINGS.url)).blank()
  out.label('tool_shell').echo('Type exit to come back').tryRun('shell').run('goto', 'wait').blank()
  failed(out, server, client)
}

/**
 * Where a failed step lands: the server is told, and its answer says what to do about it. When it cannot be told, the
 * machine's own screen offers a way on, and trying again tells it late.
 */
function failed(out: IpxeEmitter, server: string, client: Mac | undefined): void {
  const base = client === undefined ? `${server}/boot/${SETTINGS.mac}.ipxe` : scriptUrl(server, client)
  out.append(TELLING).appendWord('set report', base, REPORT).append(offline(server))
}

const REPORT = word(
  `?failed=${SETTINGS.step}&errno=${SETTINGS.fault}&url=${SETTINGS.urlAsHex}&choice=${SETTINGS.choice}`,
)

const TELLING = new IpxeEmitter()
  .label('failed')
  .run('set', 'fault', SETTINGS.errno)
  .echo(`Centra PXE: ${SETTINGS.step} failed: ${SETTINGS.url}`)
  .echo(`iPXE error ${SETTINGS.fault}: https://ipxe.org/${SETTINGS.fault}`)
  .tryRun('imgfree')
  .comment('The server is told; its answer says what this means and what to do')
  .part()

/** Servers: our address on each network, plain and over TLS. */
const MOST_SERVERS = 256

/** The same for every machine of a server, and half of each script. */
const offline = remember((server) => {
  const out = new IpxeEmitter()
  out.runOrGoto('offline', ...chainTo(SETTINGS.report)).blank()
  out.comment('The server cannot be told: a way on that needs no server')
  out
    .label('offline')
    .run('set', 'trouble', 'The', 'server', 'cannot', 'be', 'told:', 'iPXE', 'error', SETTINGS.errno)
  const { hostname, port } = new URL(server)
  wayOut(out, `No answer from Centra PXE at ${hostname} port ${port}`, () => {
    out.note(`What failed: ${SETTINGS.step} ${SETTINGS.url}`)
    out.note(`iPXE error ${SETTINGS.fault}: https://ipxe.org/${SETTINGS.fault}`)
    notes(out, [`Check the cable, the server (centra-pxe status), its firewall (TCP ${port}).`])
  })
  out.label('retry').tryRun('ifopen').firstOf(['isset', SETTINGS.address], ['dhcp'], [])
  out.runOrGoto('offline', ...chainTo(`${SETTINGS.report}&again=yes`))
  return out.part()
}, MOST_SERVERS)

/** A screen that needs no server: try again (label `retry`, which follows), iPXE's shell, the local disk. */
function wayOut(out: IpxeEmitter, title: string, told: () => void, rescue?: MenuEntry): void {
  out.label('way_out').menu(title)
  told()
  out.note(SETTINGS.trouble).space().item('retry', 't', 'Try again').item('shell', 's', 'iPXE shell')
  out.item('local_disk', 'l', 'Boot from the local disk')
  if (rescue !== undefined) out.item('rescue', 'r', rescue.title)
  const preset = rescue === undefined ? 'local_disk' : 'rescue'
  choose(out, { seconds: SCREEN_SECONDS, default: preset, cancelled: 'local_disk' })
  out.run('goto', SETTINGS.choice).blank()
  out.label('shell').echo('Type exit to come back').tryRun('shell').run('goto', 'way_out').blank()
  out.label('local_disk')
  localDisk(out)
  out.blank()
}

interface Choosing {
  readonly seconds: number
  readonly default: string
  /** The label for a person who cancels with Escape. */
  readonly cancelled: string
}

function choose(out: IpxeEmitter, { seconds, default: key, cancelled }: Choosing): void {
  const command = ['choose', '--timeout', String(seconds * 1000), '--default', key, 'choice']
  out.tryRun('clear', 'choice').runOrGoto(cancelled, ...command)
}

/** Lines to read in a menu, broken where the screen ends. */
function notes(out: IpxeEmitter, lines: readonly string[]): void {
  for (const line of lines.flatMap((text) => wrap(text, SCREEN_COLUMNS))) out.shown(line)
}

/**
 * UEFI goes on with its boot order when a boot option fails, and shows its own menu when one succeeds (UEFI 2.10
 * §3.1): hence 1. BIOS is asked for its first disk by INT 13h, and goes on with its own order where that fails.
 */
function localDisk(out: IpxeEmitter, method?: LocalDiskMethod): void {
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

function scriptUrl(server: string, client: Mac): string {
  return `${server}/boot/${macWithDashes(client)}.ipxe`
}

/** `--replace`: the calling script is gone, so nothing after this line runs twice or grows the stack. */
function chainTo(url: string): readonly string[] {
  return ['chain', '--timeout', STALL_MS, '--replace', '--autofree', url]
}
