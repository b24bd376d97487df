import type { BootEvent, EventKind } from '../model/event.ts'
import type { BootLine, BootLineKind } from '../model/intent.ts'
import type { BootAttempt, StateStore } from '../model/ports.ts'
import { BootAttempts } from './attempts.ts'
import { NodeIntents, type NodeIntentsOptions, type SavedTransition } from './intents.ts'
import type { Timeline } from './timeline.ts'

export interface KeepOptions extends Omit<NodeIntentsOptions, 'store' | 'onSaved'> {
  readonly store: Pick<StateStore, 'saveBoots' | 'openAttempt'>
  readonly attempts: readonly BootAttempt[]
  readonly timeline: Pick<Timeline, 'emit'>
}

/** The boot attempts of all machines, those of commands among them: whatever opens one, reports prove which it is. */
export function keepIntents({ attempts: known, timeline, ...options }: KeepOptions): {
  readonly attempts: BootAttempts
  readonly intents: NodeIntents
} {
  const attempts = new BootAttempts(options.store, options.newNonce, known)
  const onSaved = (saved: SavedTransition): void => {
    if (saved.opened !== undefined) attempts.adopt(saved.opened)
    observeIntents(saved, timeline)
  }
  return { attempts, intents: new NodeIntents({ ...options, onSaved }) }
}

/** What of a node's history the timeline has in no other words. */
const TOLD: Readonly<Partial<Record<BootLineKind, EventKind>>> = {
  asked: 'intent.asked',
  replaced: 'intent.replaced',
  opened: 'intent.opened',
  redeemed: 'intent.redeemed',
  done: 'intent.done',
  failed: 'intent.failed',
  quarantined: 'node.quarantined',
  released: 'node.released',
}

/** A node's history as events. */
function observeIntents({ state, lines }: SavedTransition, timeline: Pick<Timeline, 'emit'>): void {
  for (const line of lines) {
    const event = eventOf(line, state)
    if (event !== undefined) timeline.emit(event)
  }
}

function eventOf(
  { what, time, node, detail, nonce }: BootLine,
  { attempt }: SavedTransition['state'],
): BootEvent | undefined {
  const kind = TOLD[what]
  if (kind === undefined) return undefined
  const machine = attempt !== undefined && attempt.nonce === nonce ? attempt : undefined
  return {
    ...{ time, kind, node },
    ...(machine === undefined ? {} : { mac: machine.mac, address: machine.address }),
    detail: { reason: detail },
  }
}
