import type { Mac } from '../lib/mac.ts'
import { remember } from '../lib/remember.ts'
import type { MenuEntry, RecoveryScript, RefusalScript } from '../model/script.ts'
import { SETTINGS, word } from '../protocol/ipxe/words.ts'
import { IpxeEmitter } from './ipxe-emitter.ts'
import { chainTo, choose, localDisk, notes, SCREEN_SECONDS, scriptUrl } from './ipxe-parts.ts'

/** The server's answer to a failed step: what it means, and the ways on. */
export function recovery(out: IpxeEmitter, script: RecoveryScript): void {
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

/** A machine that cannot boot what it should is told why, and may try again. */
export function refusal(out: IpxeEmitter, { server, client, title, lines }: RefusalScript): void {
  out.comment(`Centra PXE: ${client} cannot boot what it should`).tryRun('clear', 'trouble')
  wayOut(out, title, () => notes(out, lines))
  out.label('retry').run('set', 'step', 'script').run('set', 'url', scriptUrl(server, client))
  out.tryRun(...chainTo(SETTINGS.url))
  noAnswer(out, server)
}

/**
 * Where a failed step lands: the server is told, and its answer says what to do about it. When it cannot be told, the
 * machine's own screen offers a way on, and trying again tells it late.
 */
export function failed(out: IpxeEmitter, server: string, client: Mac | undefined): void {
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
