import { type Mac, macWithDashes } from '../lib/mac.ts'
import type { BootScript, MenuScript, RecoveryScript, Script } from '../model/script.ts'
import { SETTINGS } from '../protocol/ipxe/words.ts'
import { IpxeEmitter } from './ipxe-emitter.ts'

/** How long the screens after a failure wait for a key before the local disk boots, in seconds. */
const FALLBACK_SECONDS = 30

/**
 * A script in iPXE's language, of commands that stock builds have since iPXE 1.0 (2019). Throws when a value
 * breaks the grammar of `protocol/ipxe/words.ts`, which validation of the configuration excludes.
 */
export function renderIpxe(script: Script): string {
  const out = new IpxeEmitter()
  switch (script.kind) {
    case 'identify':
      identify(out, script.server)
      break
    case 'boot':
      boot(out, script)
      break
    case 'menu':
      menu(out, script)
      break
    case 'local-disk':
      out.comment('Centra PXE: boots the local disk').echo(`Centra PXE: local disk, ${script.because}`)
      localDisk(out)
      break
    case 'recovery':
      recovery(out, script)
      break
    default:
      script satisfies never
  }
  return out.finish()
}

function identify(out: IpxeEmitter, server: string): void {
  const query = `uuid=${SETTINGS.uuid}&serial=${SETTINGS.serial}&arch=${SETTINGS.buildarch}&platform=${SETTINGS.platform}`
  out.comment('Centra PXE: tells the server which machine this is; the answer is its own script')
  out.label('retry').run('set', 'step', 'script')
  out.runOrGoto('unreachable', ...chainTo(`${server}/boot/${SETTINGS.mac}.ipxe?${query}`)).blank()
  unreachable(out, server)
}

function boot(out: IpxeEmitter, script: BootScript): void {
  out.comment(`Centra PXE: ${script.title}`).echo(`Centra PXE: ${script.title}`)
  if (script.needs !== undefined) out.echo(`Needs: ${script.needs}`)
  if (script.warning !== undefined) out.echo(`WARNING: ${script.warning}`)
  // EFI kernels before 5.7 find their initrd by initrd=NAME alone; everything else ignores it.
  const initrdArguments = script.initrds.map((file) => `initrd=${file.name}`)
  const cmdline = [...initrdArguments, ...script.cmdline].flatMap((argument) => argument.split(' '))
  out.label('retry').tryRun('imgfree')
  out.run('set', 'step', 'kernel')
  out.runOrGoto('failed', 'kernel', '--name', script.kernel.name, script.kernel.url, ...cmdline)
  out.run('set', 'step', 'initrd')
  for (const file of script.initrds) out.runOrGoto('failed', 'initrd', '--name', file.name, file.url)
  out.run('set', 'step', 'boot').runOrGoto('failed', 'boot').blank()
  failed(out, script.server, script.client)
}

function menu(out: IpxeEmitter, script: MenuScript): void {
  out.comment(`Centra PXE: the menu of ${script.client}`)
  out
    .label('retry')
    .run('set', 'step', 'menu')
    .run('menu', ...script.title.split(' '))
  for (const entry of script.entries) out.run('item', entry.key, ...entry.title.split(' '))
  const timeout = String(script.timeoutSeconds * 1000)
  out.runOrGoto('local', 'choose', '--timeout', timeout, '--default', script.default, 'choice')
  out.when(['iseq', SETTINGS.choice, 'local'], ['goto', 'local'])
  out
    .runOrGoto('failed', ...chainTo(`${scriptUrl(script.server, script.client)}?choice=${SETTINGS.choice}`))
    .blank()
  failed(out, script.server, script.client)
}

function recovery(out: IpxeEmitter, script: RecoveryScript): void {
  out.comment(`Centra PXE: a boot step of ${script.client} failed`)
  out.echo(`Centra PXE: ${script.problem}`)
  offerWayOut(out, 'The boot failed. What now?')
  out.label('retry').run('set', 'step', 'script')
  out.runOrGoto('unreachable', ...chainTo(scriptUrl(script.server, script.client))).blank()
  unreachable(out, script.server)
}

/** Where a failed step lands: told to the server, whose answer offers a way out; without a server, ours does. */
function failed(out: IpxeEmitter, server: string, client: Mac | undefined): void {
  out.label('failed').run('set', 'fault', SETTINGS.errno)
  out.echo(`Centra PXE: step ${SETTINGS.step} failed, see https://ipxe.org/${SETTINGS.fault}`)
  out.tryRun('imgfree')
  if (client !== undefined) {
    const report = `${scriptUrl(server, client)}?failed=${SETTINGS.step}&errno=${SETTINGS.fault}`
    out.runOrGoto('unreachable', ...chainTo(report)).blank()
  }
  unreachable(out, server)
}

function unreachable(out: IpxeEmitter, server: string): void {
  out.label('unreachable').run('set', 'fault', SETTINGS.errno)
  out.echo(`Centra PXE: no answer from ${server}, see https://ipxe.org/${SETTINGS.fault}`)
  offerWayOut(out, 'Centra PXE does not answer. What now?')
}

/** A choice that needs no server: try again (label `retry`), iPXE's shell, the local disk. */
function offerWayOut(out: IpxeEmitter, title: string): void {
  out.run('menu', ...title.split(' '))
  out.run('item', 'retry', 'Try', 'again')
  out.run('item', 'shell', 'iPXE', 'shell')
  out.run('item', 'local', 'Boot', 'from', 'the', 'local', 'disk')
  const timeout = String(FALLBACK_SECONDS * 1000)
  out.runOrGoto('local', 'choose', '--timeout', timeout, '--default', 'local', 'choice')
  out.run('goto', SETTINGS.choice).blank()
  out.label('shell').run('shell').blank()
  out.label('local')
  localDisk(out)
}

/**
 * UEFI goes on with its boot order when iPXE exits; BIOS is asked for its first disk by INT 13h, and goes on with
 * its own boot order where that fails.
 */
function localDisk(out: IpxeEmitter): void {
  const bios = ['sanboot', '--no-describe', '--drive', '0x80']
  out.when(['iseq', SETTINGS.platform, 'efi'], ['exit'])
  out.firstOf(bios, ['exit'])
}

function scriptUrl(server: string, client: Mac): string {
  return `${server}/boot/${macWithDashes(client)}.ipxe`
}

/** `--replace`: the calling script is gone, so nothing after this line runs twice or grows the stack. */
function chainTo(url: string): readonly string[] {
  return ['chain', '--replace', '--autofree', url]
}
