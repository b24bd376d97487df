import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import type { MachineEvidence, Recognised, SaidOfSmbios } from '../model/evidence.ts'
import type { NodeEvidence } from '../model/node-keys.ts'
import type { SeenMachine } from '../model/ports.ts'
import type { RecognisedView, Shown } from '../model/world.ts'
import {
  afterDhcp,
  afterScript,
  asShown,
  type DhcpSender,
  type DhcpShows,
  isSameEvidence,
  isSamePort,
} from './evidence.ts'
import { Sayers } from './sayers.ts'

/** Machines remembered; of more, the one that has not spoken for longest is forgotten, strangers first. */
const MOST = 20_000

/**
 * What machines showed of themselves besides their MAC: scripts, renewals and what is asked for a second time show less. Each
 * method that notes something tells whether that is news.
 */
export class RecognisedMachines implements RecognisedView {
  readonly #machines = new OldestFirst<Mac, MachineEvidence>()
  /** Those that no node has the MAC of, and that have no lease: anybody can make up so many of them. */
  readonly #strangers = new OldestFirst<Mac, true>()
  /** By name of the node. */
  readonly #claims = new Map<string, Set<Mac>>()
  readonly #sayers = new Sayers()
  /** By lease key, where that is not the card's MAC. */
  readonly #cards = new OldestFirst<Mac, Mac>()

  /** `known`: the one that spoke last comes last. */
  constructor(known: readonly Pick<SeenMachine, 'mac' | 'evidence'>[] = []) {
    for (const { mac, evidence } of known) if (evidence !== undefined) this.#set(mac, evidence)
  }

  /** Whether its MAC is a node's or has a lease, before anything is noted of it; true unless told. */
  noteStanding(mac: Mac, isKnown: boolean): void {
    if (isKnown) this.#strangers.delete(mac)
    else this.#strangers.set(mac, true)
    this.#strangers.trim(MOST)
  }

  /** It is this node by another key than its MAC. */
  note(mac: Mac, node: Recognised): boolean {
    const before = this.#machines.get(mac)
    const isNews =
      before?.node?.node !== node.node || before.node.by !== node.by || !sameKey(before.node, node)
    this.#set(mac, isNews ? { ...before, node } : before)
    return isNews
  }

  /** Over DHCP, by firmware or a loader: {@link afterDhcp}. */
  noteShown(mac: Mac, shown: DhcpShows, sender: DhcpSender): boolean {
    return this.#replace(mac, afterDhcp(this.#machines.get(mac), shown, sender))
  }

  /** With a script request from its own lease: {@link afterScript}. */
  noteSaid(mac: Mac, said: SaidOfSmbios, isWhole: boolean): boolean {
    const { uuid, serial, assetTag } = said
    if (!isWhole && uuid === undefined && serial === undefined && assetTag === undefined) return false
    return this.#replace(mac, afterScript(this.#machines.get(mac), said, isWhole))
  }

  /** All of it, to be kept. */
  evidenceOf(mac: Mac): MachineEvidence | undefined {
    return this.#machines.get(mac)
  }

  /** As if it had never spoken. */
  forget(mac: Mac): void {
    this.#set(mac, undefined)
  }

  /** @inheritDoc */
  claimants(node: string): Iterable<Mac> {
    return this.#claims.get(node) ?? []
  }

  /** @inheritDoc */
  sayersOf(keys: Pick<NodeEvidence, 'uuid' | 'serial'>): Iterable<Mac> {
    return this.#sayers.of(keys)
  }

  /** @inheritDoc */
  shownBy(mac: Mac): Shown | undefined {
    const known = this.#machines.get(mac)
    return known === undefined ? undefined : asShown(known)
  }

  /** The card of a lease key that is not its MAC. */
  noteCard(key: Mac, mac: Mac): void {
    this.#cards.set(key, mac)
    this.#cards.trim(MOST)
  }

  /** @inheritDoc */
  nodeOf(mac: Mac): Recognised | undefined {
    return this.#machines.get(mac)?.node
  }

  /** The MAC of the card that has the leases of this key. */
  cardOf(key: Mac): Mac {
    return this.#cards.get(key) ?? key
  }

  /** Spoken of again, it is the youngest, also when there is nothing new. */
  #replace(mac: Mac, evidence: MachineEvidence | undefined): boolean {
    const before = this.#machines.get(mac)
    const isNews = !isSameEvidence(before, evidence)
    this.#set(mac, isNews ? evidence : before)
    return isNews
  }

  #set(mac: Mac, evidence: MachineEvidence | undefined): void {
    const before = this.#machines.get(mac)
    if (evidence === undefined) {
      if (before !== undefined) this.#forget(mac, before)
      return
    }
    if (before?.node?.node !== evidence.node?.node) this.#claim(mac, before?.node?.node, evidence.node?.node)
    this.#sayers.change(mac, before?.smbios, evidence.smbios)
    this.#machines.set(mac, evidence)
    for (const group of [this.#strangers, this.#machines])
      for (const [oldest] of group) {
        if (this.#machines.size <= MOST) return
        this.#forget(oldest, this.#machines.get(oldest))
      }
  }

  #forget(mac: Mac, known: MachineEvidence | undefined): void {
    this.#machines.delete(mac)
    this.#strangers.delete(mac)
    this.#claim(mac, known?.node?.node, undefined)
    this.#sayers.change(mac, known?.smbios, undefined)
  }

  #claim(mac: Mac, before: string | undefined, now: string | undefined): void {
    if (before !== undefined) {
      const others = this.#claims.get(before)
      others?.delete(mac)
      if (others?.size === 0) this.#claims.delete(before)
    }
    if (now === undefined) return
    const claims = this.#claims.get(now)
    if (claims === undefined) this.#claims.set(now, new Set([mac]))
    else claims.add(mac)
  }
}

function sameKey({ key: one }: Recognised, { key: other }: Recognised): boolean {
  return one.uuid === other.uuid && one.clientId === other.clientId && isSamePort(one.port, other.port)
}
