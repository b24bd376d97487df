import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import { otherByteOrder } from '../lib/uuid.ts'
import type { MachineEvidence, Recognised, SaidOfSmbios, ShownOverDhcp } from '../model/evidence.ts'
import type { PortEvidence } from '../model/node-keys.ts'
import type { SeenMachine } from '../model/ports.ts'
import type { RecognisedView, Shown } from '../model/world.ts'

/** Machines remembered; of more, the one that has not spoken for longest is forgotten. */
const MOST = 20_000

/**
 * What machines showed of themselves besides their MAC: scripts, renewals and what is asked for a second time show less. Each
 * method that notes something tells whether that is news.
 */
export class RecognisedMachines implements RecognisedView {
  readonly #machines = new OldestFirst<Mac, MachineEvidence>()
  /** By name of the node. */
  readonly #claims = new Map<string, Set<Mac>>()
  /** By lease key, where that is not the card's MAC. */
  readonly #cards = new OldestFirst<Mac, Mac>()

  /** `known`: the one that spoke last comes last. */
  constructor(known: readonly Pick<SeenMachine, 'mac' | 'evidence'>[] = []) {
    for (const { mac, evidence } of known) if (evidence !== undefined) this.#set(mac, evidence)
  }

  /** It is this node by another key than its MAC. */
  note(mac: Mac, node: Recognised): boolean {
    const before = this.#machines.get(mac)
    const isNews =
      before?.node?.node !== node.node || before.node.by !== node.by || !sameKey(before.node, node)
    this.#set(mac, isNews ? { ...before, node } : before)
    return isNews
  }

  /**
   * Over DHCP, by firmware or a loader. It replaces what was shown before; a loader that shows no UUID (GRUB, U-Boot) adds to
   * what the firmware showed. Firmware that begins anew may be another machine's, with the same card: what was said of SMBIOS
   * speaks for no node any more, and with another UUID against none.
   */
  noteShown(mac: Mac, { uuid, port, arch, clientId }: ShownOverDhcp, isFirmware: boolean): boolean {
    const before = this.#machines.get(mac)
    const shown: ShownOverDhcp = {
      ...(isFirmware || uuid !== undefined ? {} : before?.dhcp),
      ...(uuid === undefined ? {} : { uuid }),
      ...(port === undefined ? {} : { port }),
      ...(arch === undefined ? {} : { arch }),
      ...(clientId === undefined ? {} : { clientId }),
    }
    const smbios = stillSaid(before?.smbios, uuid, isFirmware)
    const isNews = smbios !== before?.smbios || !sameShown(shown, before?.dhcp)
    this.#set(mac, isNews ? evidenceOf(shown, smbios, before?.node) : before)
    return isNews
  }

  /** With a script request from its own lease. `isWhole`: all that it knows, so that nothing from before is left. */
  noteSaid(mac: Mac, { uuid, serial, assetTag }: SaidOfSmbios, isWhole: boolean): boolean {
    if (!isWhole && uuid === undefined && serial === undefined && assetTag === undefined) return false
    const before = this.#machines.get(mac)
    const old = before?.smbios
    const isSame = old !== undefined && old.isEarlier === undefined && !isOther(old.uuid, uuid)
    const said: SaidOfSmbios = {
      ...(isWhole || !isSame ? {} : old),
      ...(uuid === undefined ? {} : { uuid }),
      ...(serial === undefined ? {} : { serial }),
      ...(assetTag === undefined ? {} : { assetTag }),
    }
    const isNews =
      said.uuid !== old?.uuid ||
      said.serial !== old?.serial ||
      said.assetTag !== old?.assetTag ||
      old?.isEarlier === true
    this.#set(mac, isNews ? evidenceOf(before?.dhcp, said, before?.node) : before)
    return isNews
  }

  /** All of it, to be kept. */
  evidenceOf(mac: Mac): MachineEvidence | undefined {
    return this.#machines.get(mac)
  }

  /** @inheritDoc */
  claimants(node: string): Iterable<Mac> {
    return this.#claims.get(node) ?? []
  }

  /** @inheritDoc */
  shownBy(mac: Mac): Shown | undefined {
    const known = this.#machines.get(mac)
    if (known === undefined) return undefined
    const { dhcp, smbios } = known
    if (smbios === undefined) return dhcp
    const { isEarlier, ...said } = smbios
    return isEarlier === true ? { ...dhcp, earlier: said } : { ...dhcp, ...said }
  }

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

  #set(mac: Mac, evidence: MachineEvidence | undefined): void {
    const before = this.#machines.get(mac)
    if (evidence === undefined) {
      if (before !== undefined) this.#forget(mac, before)
      return
    }
    if (before?.node?.node !== evidence.node?.node) this.#claim(mac, before?.node?.node, evidence.node?.node)
    this.#machines.set(mac, evidence)
    for (const [oldest, known] of this.#machines) {
      if (this.#machines.size <= MOST) return
      this.#forget(oldest, known)
    }
  }

  #forget(mac: Mac, { node }: MachineEvidence): void {
    this.#machines.delete(mac)
    this.#claim(mac, node?.node, undefined)
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

/** undefined: nothing to remember. */
function evidenceOf(
  dhcp: ShownOverDhcp | undefined,
  smbios: SaidOfSmbios | undefined,
  node: Recognised | undefined,
): MachineEvidence | undefined {
  const evidence = {
    ...(isEmpty(dhcp) ? {} : { dhcp }),
    ...(isEmpty(smbios) ? {} : { smbios }),
    ...(node === undefined ? {} : { node }),
  }
  return isEmpty(evidence) ? undefined : evidence
}

function isEmpty(facts: object | undefined): facts is undefined {
  return facts === undefined || Object.keys(facts).length === 0
}

function stillSaid(
  said: SaidOfSmbios | undefined,
  uuid: string | undefined,
  isFirmware: boolean,
): SaidOfSmbios | undefined {
  if (said === undefined || isOther(said.uuid, uuid)) return undefined
  return isFirmware && said.isEarlier === undefined ? { ...said, isEarlier: true } : said
}

function isOther(uuid: string | undefined, seen: string | undefined): boolean {
  return uuid !== undefined && seen !== undefined && uuid !== seen && uuid !== otherByteOrder(seen)
}

function sameShown(one: ShownOverDhcp, other: ShownOverDhcp = {}): boolean {
  const same = one.uuid === other.uuid && one.arch === other.arch && one.clientId === other.clientId
  return same && samePort(one.port, other.port)
}

function sameKey({ key: one }: Recognised, { key: other }: Recognised): boolean {
  return one.uuid === other.uuid && one.clientId === other.clientId && samePort(one.port, other.port)
}

function samePort(one: PortEvidence | undefined, other: PortEvidence | undefined): boolean {
  return (
    one?.relay === other?.relay && one?.circuitId === other?.circuitId && one?.remoteId === other?.remoteId
  )
}
