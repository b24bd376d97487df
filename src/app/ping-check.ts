import { quarantine } from '../address/ping-check.ts'
import type { Mac } from '../lib/mac.ts'
import type { Result } from '../lib/result.ts'
import { type Lease, UNKNOWN_MAC } from '../model/lease.ts'
import type { LeaseAnswer, PingCheck } from '../model/lease-answer.ts'
import type { AddressProber, ProbeOutcome } from '../model/ports.ts'
import type { Step } from '../model/rules.ts'
import { observeConflict } from './observe-dhcp.ts'
import type { Running } from './running.ts'
import type { DhcpThought } from './think-dhcp.ts'

/** Addresses that are probed at the same time: a whole room that is switched on. */
const MOST_PENDING = 512
/** Addresses that are tried for one DISCOVER. */
const MOST_TRIED = 16
/** An OFFER that comes later than 500 ms is late: iPXE asks again after 1 s, and the way has two ends. */
const DEADLINE_MS = 400

/** The link of every network behind relays. */
export const ROUTED = 'routed'

type Outcome = ProbeOutcome | { readonly kind: 'overload' }
type Offer = Extract<LeaseAnswer, { readonly kind: 'offer' }>

/** The probes that are under way, and who can make them. */
export class PingChecks {
  readonly #probers = new Map<string, AddressProber>()
  readonly #pending = new Map<string, Promise<Outcome>>()

  /** `link`: the name of an interface, or {@link ROUTED}. */
  attach(link: string, prober: AddressProber): void {
    this.#probers.set(link, prober)
  }

  /** Probes under way end by themselves; later ones there are `unavailable`. */
  detach(link: string): void {
    this.#probers.delete(link)
  }

  /** The probe of this address that is under way, if one is. */
  pending({ network, address }: Lease): Promise<Outcome> | undefined {
    return this.#pending.size === 0 ? undefined : this.#pending.get(`${network} ${address}`)
  }

  /** Never waits for a place: beyond the bound nobody is asked. */
  start({ network, address }: Lease, link: string, asking: Omit<PingCheck, 'by'>): Promise<Outcome> {
    if (this.#pending.size >= MOST_PENDING) return Promise.resolve({ kind: 'overload' })
    const prober = this.#probers.get(link)
    if (prober === undefined) return Promise.resolve({ kind: 'unavailable' })
    const key = `${network} ${address}`
    const probing = prober.probe(address, asking).finally(() => this.#pending.delete(key))
    this.#pending.set(key, probing)
    return probing
  }
}

/** Whether an offer has to wait for a probe: its own, or that of the client's DISCOVER before this one. */
export function mustCheck({ boot, lease: { answer } }: DhcpThought, { pingChecks }: Running): boolean {
  return (
    boot.action.kind !== 'ignore' &&
    answer.kind === 'offer' &&
    (answer.check !== undefined || pingChecks.pending(answer.lease) !== undefined)
  )
}

/**
 * The offer of an address that nobody answers for, made within 400 ms: an address in use is quarantined, and the client
 * is thought about `again`. The offered address is the client's meanwhile, and a DISCOVER that it repeats joins the probe.
 */
export async function checkOffer(
  first: DhcpThought,
  again: () => Result<DhcpThought, unknown>,
  running: Running,
): Promise<DhcpThought> {
  const deadline = running.now() + DEADLINE_MS
  let thought = first
  for (let tried = 0; tried < MOST_TRIED; tried += 1) {
    const { answer } = thought.lease
    if (answer.kind !== 'offer' || !mustCheck(thought, running)) return thought
    const left = deadline - running.now()
    if (left <= 0) break
    const outcome = await probeOffer(thought, answer, left, running)
    if (outcome.kind === 'conflict') quarantineOffer(outcome.mac, answer.lease, thought, running)
    const held = running.leases.ofAddress(answer.lease.network, answer.lease.address)
    if (held?.mac === answer.lease.mac && held.state === 'offered') return thought
    if (held === undefined) return silent(thought, 'the client let the offer go')
    const thinking = again()
    if (!thinking.ok) break
    thought = thinking.value
  }
  return silent(thought, 'no address was found in time that nobody uses: the client asks again')
}

/** Joins the probe of the offered address that is under way, or begins it. */
async function probeOffer(
  { on: { network } }: DhcpThought,
  { lease, check }: Offer,
  left: number,
  running: Running,
): Promise<Outcome> {
  const { pingChecks, leases, counters } = running
  const pending = pingChecks.pending(lease)
  if (pending !== undefined) return pending
  if (check === undefined) return { kind: 'free' }
  // Nobody else gets it meanwhile.
  leases.put(lease)
  const link = check.by === 'arp' ? (network.interface ?? ROUTED) : ROUTED
  const milliseconds = Math.min(check.milliseconds, left)
  const outcome = await pingChecks.start(lease, link, { own: check.own, milliseconds })
  counters.pingCheck(network.name, outcome.kind)
  return outcome
}

/** No write is waited for: an address that is forgotten in a crash is probed again. */
function quarantineOffer(mac: Mac | undefined, lease: Lease, thought: DhcpThought, running: Running): void {
  const { leases, store, picture } = running
  const held = leases.ofAddress(lease.network, lease.address)
  if (held?.mac !== lease.mac || held.state !== 'offered') return
  const isReserved = picture.reservations.has(lease.address)
  const conflict = quarantine(lease, mac ?? UNKNOWN_MAC, { now: running.now(), isReserved })
  leases.put(conflict)
  // The health of the store tells of a failure.
  store.saveLeases([conflict]).catch(() => {})
  observeConflict(thought, { address: lease.address, ...(mac === undefined ? {} : { holder: mac }) }, running)
}

function silent(thought: DhcpThought, reason: string): DhcpThought {
  const { trace } = thought.lease
  const step: Step = { rule: 'lease.ping-check', outcome: reason, from: 'state' }
  return { ...thought, lease: { answer: { kind: 'silent', reason }, trace: [...trace, step] } }
}
