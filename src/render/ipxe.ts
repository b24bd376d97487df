import type { Mac } from '../lib/mac.ts'
import type { IdentifyScript, QueueScript, Script } from '../model/script.ts'
import { CARDS, SETTINGS } from '../protocol/ipxe/words.ts'
import { IpxeEmitter } from './ipxe-emitter.ts'
import { failed, recovery, refusal } from './ipxe-failure.ts'
import { boot, chain, sanboot } from './ipxe-load.ts'
import { confirm, menu, page, password } from './ipxe-menu.ts'
import { chainTo, choose, localDisk, scriptUrl } from './ipxe-parts.ts'

/**
 * A script in iPXE's language, of commands that stock builds have since iPXE 1.0 (2019). Texts for people are shown whatever they
 * are; throws when an address, a key or an argument breaks the grammar of `protocol/ipxe/words.ts`, which validation of the
 * configuration excludes.
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
      out.tell(`Centra PXE: local disk, ${script.because}`)
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
