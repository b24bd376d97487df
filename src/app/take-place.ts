import type { Action } from '../boot/decision.ts'
import type { Mac } from '../lib/mac.ts'
import type { QueueView } from '../model/world.ts'
import { machineAt, notIts } from './answer-tftp.ts'
import { nodeOf } from './observe-http.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** A machine in the queue: by its lease, or by its address where we give none. An address alone has one place. */
function whoAsks(peer: string, on: ServedNetwork, running: Running): string {
  return machineAt(peer, on, running) ?? peer
}

/** The queue as a decision about this machine sees it. */
export function queueFor(peer: string, on: ServedNetwork, running: Running): QueueView {
  return running.queue.view(on.network.name, whoAsks(peer, on, running), running.now())
}

/**
 * What a decision means for the queue, in the same turn of the event loop as the decision: a place among those that load
 * or wait, or none where the script does something else.
 */
export function takePlace(
  action: Action,
  { mac, peer }: { readonly mac: Mac; readonly peer: string },
  on: ServedNetwork,
  running: Running,
): void {
  if (action.kind !== 'script') return
  const { script, boots } = action
  const { name: network } = on.network
  const who = whoAsks(peer, on, running)
  const time = running.now()
  const about = { time, mac, ...nodeOf(mac, running), network, address: peer }
  const standing = who === mac ? {} : { standing: 'claimed', because: notIts(peer, on, running) }
  if (script.kind === 'queue') {
    const { place, waiting, loading, retrySeconds } = script
    if (!running.queue.wait(network, who, retrySeconds, time)) return
    running.timeline.emit({ ...about, kind: 'boot.queued', detail: { place, waiting, loading, ...standing } })
    if (who === mac) running.seen.note(mac, network, time, { address: peer, stage: 'queued' })
    return
  }
  if (boots === undefined || boots.loads.length === 0) {
    running.queue.leave(network, who)
    return
  }
  const waited = running.queue.admit(network, who, boots.loads, time)
  if (waited !== undefined)
    running.timeline.emit({ ...about, kind: 'boot.admitted', detail: { waited, ...standing } })
}
