import { rememberOf } from '../lib/remember.ts'
import type { BootScript, ChainScript, ProgramScript, SanScript, ScriptFile } from '../model/script.ts'
import { SETTINGS } from '../protocol/ipxe/words.ts'
import { IpxeEmitter } from './ipxe-emitter.ts'
import { failed } from './ipxe-failure.ts'
import { localDisk, STALL_MS } from './ipxe-parts.ts'

/** What is told before anything is loaded. */
function head(
  out: IpxeEmitter,
  { title, needs, warning }: Pick<BootScript, 'title' | 'needs' | 'warning'>,
): void {
  out.comment(`Centra PXE: ${title}`).tell(`Centra PXE: ${title}`)
  if (needs !== undefined) out.tell(`Needs: ${needs}`)
  if (warning !== undefined) out.tell(`WARNING: ${warning}`)
}

/** A kernel with its initrds, or one program; from our own copy where another server's is not there. */
export function boot(out: IpxeEmitter, script: BootScript | ProgramScript): void {
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
  // After a kernel that the firmware takes by itself, and on BIOS, it is not fetched; before any, always, on UEFI
  // (iPXE src/hci/commands/shim_cmd.c). Wherever it stands, the firmware's own answer decides whether the kernel needs it.
  const loadShim = (): void => {
    if (shim !== undefined) out.tryRun('shim', '--timeout', STALL_MS, shim)
  }
  if (kernelLast === true) loadShim()
  else load(out, 'kernel', kernel, { cmdline, onFailure })
  for (const file of initrds) load(out, 'initrd', file, { cmdline: '', onFailure })
  if (kernelLast === true) load(out, 'kernel', kernel, { cmdline, onFailure })
  else loadShim()
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

/** A drive that cannot be booted comes back with an error; our own copy is tried where another server's is not there. */
export function sanboot(out: IpxeEmitter, script: SanScript): void {
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
export function chain(out: IpxeEmitter, script: ChainScript): void {
  head(out, script)
  out.tryRun('imgfree').blank()
  out.run('set', 'step', 'chain').run('set', 'url', script.url)
  out.runOrGoto('failed', 'chain', '--timeout', STALL_MS, '--autofree', SETTINGS.url).blank()
  out.comment('It ended').echo('Centra PXE: what was chained to has ended; now the local disk')
  localDisk(out)
  out.blank()
  failed(out, script.server, script.client)
}
