import type { DropCode } from '../boot/classify.ts'
import type { ProbeOutcome } from '../model/ports.ts'
import type { RuleId } from '../model/rules.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'

/** Why a message got no answer: a rule of the trace, or what kept it from being looked at. */
export type UnansweredReason =
  | RuleId
  | DropCode
  | 'kernel-buffer'
  | 'queue-full'
  | 'waited-too-long'
  | 'asks-too-often'
  | 'not-written'
  | 'observe'

/** How the check of an address ended: `overload` when too many ran already, `unavailable` when none could be sent. */
export type PingCheckOutcome = ProbeOutcome['kind'] | 'overload'

/** DHCP messages since the start, by network. Labels are of closed sets: no client can make the list longer. */
export class DhcpCounters {
  readonly #received = new Map<string, number>()
  readonly #sent = new Map<string, number>()
  readonly #unanswered = new Map<string, number>()
  readonly #pingChecks = new Map<string, number>()

  received(network: string, type: MessageType | 'BOOTP'): void {
    add(this.#received, `${network} ${type}`)
  }

  sent(network: string, type: MessageType | 'BOOTP'): void {
    add(this.#sent, `${network} ${type}`)
  }

  pingCheck(network: string, outcome: PingCheckOutcome): void {
    add(this.#pingChecks, `${network} ${outcome}`)
  }

  /** `count` messages at once: what the queue dropped is told in sums. */
  unanswered(network: string, reason: UnansweredReason, count = 1): void {
    add(this.#unanswered, `${network} ${reason}`, count)
  }

  /** Each counter with its second label and its values by `network label`. */
  list(): readonly {
    readonly name: string
    readonly label: string
    readonly values: ReadonlyMap<string, number>
  }[] {
    return [
      { name: 'received', label: 'type', values: this.#received },
      { name: 'sent', label: 'type', values: this.#sent },
      { name: 'unanswered', label: 'reason', values: this.#unanswered },
      { name: 'ping_checks', label: 'outcome', values: this.#pingChecks },
    ]
  }
}

function add(counts: Map<string, number>, key: string, count = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + count)
}
