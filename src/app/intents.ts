import type { Mac } from '../lib/mac.ts'
import {
  advance,
  type IntentEvent,
  type IntentReply,
  type ScriptEvent,
  type Transition,
} from '../lifecycle/intents.ts'
import { type BootLine, type IntentView, type NodeBoots, untouched } from '../model/intent.ts'
import type { BootAttempt, StateStore } from '../model/ports.ts'

/** Transitions of one node that may wait for the disk. */
const MOST_WAITING = 64

export interface NodeIntentsOptions {
  readonly store: Pick<StateStore, 'saveBoots'>
  readonly newNonce: () => string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** `Config.installTries`. */
  readonly tries: () => number
  readonly known: readonly NodeBoots[]
  /** After it is on disk: what was added to the history, and the attempt that was opened. */
  readonly onSaved: (saved: SavedTransition) => void
}

export interface SavedTransition {
  readonly state: NodeBoots
  readonly lines: readonly BootLine[]
  readonly opened?: BootAttempt
}

/** A script that is asked for, without its nonce. */
export type ScriptAsk = Omit<ScriptEvent, 'kind' | 'nonce'>

interface Turns {
  last: Promise<unknown>
  waiting: number
}

/**
 * The boots that were commanded, by node. What is in memory is on disk: of one node, a transition begins when the one before is
 * saved or has failed, so that none builds on what may not last.
 */
export class NodeIntents {
  readonly #options: NodeIntentsOptions
  readonly #states: Map<string, NodeBoots>
  readonly #nodes = new Map<string, string>()
  /** Nonces of scripts that are on their way to the disk: the same ask gets the same one. */
  readonly #drafts = new Map<string, { readonly of: string; readonly nonce: string }>()
  readonly #turns = new Map<string, Turns>()

  constructor(options: NodeIntentsOptions) {
    this.#options = options
    this.#states = new Map(options.known.map((state) => [state.node, state]))
    for (const { node, attempt } of options.known)
      if (attempt !== undefined) this.#nodes.set(attempt.nonce, node)
  }

  /** As it is on disk; undefined for a node of which nobody commanded anything. */
  of(node: string): NodeBoots | undefined {
    return this.#states.get(node)
  }

  /** The node whose newest attempt has this nonce. */
  nodeOf(nonce: string): string | undefined {
    return this.#nodes.get(nonce)
  }

  /** What a report with this nonce proves, while it is that of a node's newest attempt. */
  attemptOf(nonce: string): BootAttempt | undefined {
    const node = this.#nodes.get(nonce)
    const state = node === undefined ? undefined : this.#states.get(node)
    return state === undefined ? undefined : openedBy(state, undefined)
  }

  /** The nonce that the script will have if nothing happens meanwhile: nothing is opened. */
  draft(node: string, ask: ScriptAsk): string {
    const { mac, address, image, intent } = ask
    const state = this.#states.get(node) ?? untouched(node)
    const of = [intent, mac, address, image].join(' ')
    const before = this.#drafts.get(node)
    const nonce = before?.of === of ? before.nonce : this.#options.newNonce()
    const { reply } = advance(state, { kind: 'script', ...ask, nonce }, this.#at())
    if (reply.kind !== 'boot' || reply.nonce !== nonce) return reply.kind === 'boot' ? reply.nonce : nonce
    this.#drafts.set(node, { of, nonce })
    return nonce
  }

  /** What the reply to this event would be now. Nothing happens. */
  wouldSay(node: string, event: IntentEvent): IntentReply {
    return advance(this.#states.get(node) ?? untouched(node), event, this.#at()).reply
  }

  /**
   * What the event means for the node; on disk when this resolves. Rejects with a StoreError when it cannot be written: then
   * nothing has happened.
   */
  async advance(node: string, event: IntentEvent): Promise<Transition> {
    const turns = this.#turns.get(node) ?? { last: Promise.resolve(), waiting: 0 }
    if (turns.waiting >= MOST_WAITING)
      throw new Error(`${MOST_WAITING} requests of ${node} wait for the disk`)
    this.#turns.set(node, turns)
    turns.waiting += 1
    const done = turns.last.then(() => this.#advance(node, event))
    turns.last = done.catch(() => {})
    try {
      return await done
    } finally {
      turns.waiting -= 1
      if (turns.waiting === 0) this.#turns.delete(node)
    }
  }

  async #advance(node: string, event: IntentEvent): Promise<Transition> {
    const before = this.#states.get(node) ?? untouched(node)
    const transition = advance(before, event, this.#at())
    const { state, lines } = transition
    if (state === before) return transition
    const opened = openedBy(state, before.attempt?.nonce)
    const change = { state, lines, ...(opened === undefined ? {} : { attempt: opened }) }
    await this.#options.store.saveBoots(change)
    this.#states.set(node, state)
    if (opened !== undefined) {
      if (before.attempt !== undefined) this.#nodes.delete(before.attempt.nonce)
      this.#nodes.set(opened.nonce, node)
      this.#drafts.delete(node)
    }
    this.#options.onSaved({ state, lines, ...(opened === undefined ? {} : { opened }) })
    return transition
  }

  #at(): { readonly now: number; readonly tries: number } {
    return { now: this.#options.now(), tries: this.#options.tries() }
  }
}

function openedBy({ attempt }: NodeBoots, before: string | undefined): BootAttempt | undefined {
  if (attempt === undefined || attempt.nonce === before) return undefined
  const { nonce, mac, address, image, openedAt, intent } = attempt
  return { nonce, mac, address, image, openedAt, profile: intent.profile }
}

/** The same for the decision about one script: `own` is the machine that asks, `because` why nobody else may. */
export function intentsFor(
  mac: Mac | undefined,
  { own, because }: { readonly own: Mac | undefined; readonly because: string },
  intents: NodeIntents,
): IntentView {
  const stranger = own !== undefined && own === mac ? undefined : because
  return { of: (node) => intents.of(node), stranger }
}
