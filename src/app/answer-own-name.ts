import { decide } from '../boot/decide.ts'
import { classifyOwnName, type OwnName } from '../boot/own-name.ts'
import type { Script } from '../model/script.ts'
import { renderScript } from '../render/script.ts'
import { machineAt, notIts, provenAt } from './answer-tftp.ts'
import { asSent, grant } from './grant.ts'
import { intentsFor } from './intents.ts'
import { observeScript } from './observe-http.ts'
import { type Running, refreshImages } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import { queueFor, takePlace } from './take-place.ts'
import { worldAt } from './world.ts'

/** Who asks for a name, and how. */
export interface AskedName {
  readonly via: 'tftp' | 'http'
  /** Dotted decimal. */
  readonly peer: string
  readonly secure?: true
  /** Only looked at: nothing is opened and nothing told. */
  readonly isHead?: boolean
}

export interface OwnAnswer {
  readonly text: string
  /**
   * To be called when the asker has shown that its address is its own: a request of one datagram can be forged, and shall
   * neither open a boot attempt, nor take a place among those that load, nor tell anything.
   */
  readonly onHeard: () => Promise<void>
}

/**
 * The configuration that a loader looks for by a name of its machine: the same decision as its script's address, in its
 * loader's language; undefined where the walk shall go on. Rejects only for a fault of ours.
 */
export async function answerOwnName(
  name: OwnName,
  { via, peer, secure, isHead = false }: AskedName,
  on: ServedNetwork,
  running: Running,
): Promise<OwnAnswer | undefined> {
  const ingress = {
    network: on.network.name,
    server: on.address,
    ...(secure === true ? { secure } : {}),
  }
  const asker = { peer, mac: machineAt(peer, on, running), network: on.network }
  const asked = classifyOwnName(name, asker, ingress, via)
  const mac = asked?.boot.client.mac
  if (asked === undefined || mac === undefined) return undefined
  await refreshImages(running)
  // What reads PXELINUX's files (U-Boot, petitboot) does not all ask again, and loads over TFTP.
  const queue = name.form === 'grub' ? queueFor(peer, on, running) : undefined
  const shown = { own: provenAt(peer, on, running), because: notIts(peer, on, running) }
  const intents = intentsFor(mac, shown, running.intents)
  const memory = { recognised: running.recognised, queue, intents }
  const decision = decide(asked.boot, worldAt(running.picture, running.leases, running.now(), memory))
  if (decision.action.kind !== 'script' || (asked.isForNode && decision.node === undefined)) return undefined
  const take = (): void => {
    if (queue !== undefined) takePlace(decision.action, { mac, peer }, on, running)
  }
  if (isHead)
    return { text: renderScript(decision.action.script, name.form, via), onHeard: () => Promise.resolve() }
  const granted = grant(decision, mac, peer, { on, running })
  if (granted === undefined) return undefined
  // Over HTTP the asker has shown itself; until it is heard over TFTP others may be told the same place.
  const tell = (sent: Script): void =>
    observeScript(
      { decision: asSent(decision, sent), mac, peer, form: name.form, request: asked.boot },
      on,
      running,
    )
  if (via === 'http') {
    take()
    const script = await granted.open()
    return { text: renderScript(script, name.form, via), onHeard: async () => tell(script) }
  }
  return {
    text: renderScript(granted.script, name.form, via),
    onHeard: async () => {
      take()
      tell(await granted.open())
    },
  }
}
