import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { StoredEvent } from './event.ts'
import type { MachineEvidence } from './evidence.ts'
import type { BootLine, NodeBoots } from './intent.ts'
import type { Lease } from './lease.ts'
import type { PingCheck } from './lease-answer.ts'
import type { LeaseBlock } from './lease-block.ts'

/** What was heard when somebody was asked about an address. */
export type ProbeOutcome =
  | { readonly kind: 'free' }
  /** Without a MAC where the answer came through a router. */
  | { readonly kind: 'conflict'; readonly mac?: Mac }
  /** No question could be sent. */
  | { readonly kind: 'unavailable' }

/** Asks on one link, or over routers, who has an address. */
export interface AddressProber {
  /** Resolves after `milliseconds`, or as soon as another than `own` answers; never rejects. */
  probe(address: Ipv4, asking: Pick<PingCheck, 'milliseconds' | 'own'>): Promise<ProbeOutcome>
}

/** A machine that sent us a packet, described or not. */
export interface SeenMachine {
  readonly mac: Mac
  readonly network: string
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** Dotted decimal of its newest address. */
  readonly address?: string
  readonly arch?: string
  readonly uuid?: string
  readonly vendorClass?: string
  /** The newest stage its boot reached: `dhcp`, `loader`, `script`, `kernel`, `initrd`, `in-service`, ... */
  readonly stage?: string
  /** What it showed, where a node is like it. */
  readonly evidence?: MachineEvidence
}

/** One try at booting an image: opened by the script, recognised again in reports by its nonce. */
export interface BootAttempt {
  readonly mac: Mac
  /** 128 random bits as hex. */
  readonly nonce: string
  /** Dotted decimal of the lease the script went to. */
  readonly address: string
  readonly profile: string
  readonly image: string
  /** Milliseconds since 1970. */
  readonly openedAt: number
}

/** The newest report a boot attempt made about itself. */
export interface BootProgress {
  readonly nonce: string
  readonly stage: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** What one transition of a node's boots leaves behind. */
export interface BootsChange {
  readonly state: NodeBoots
  readonly lines: readonly BootLine[]
  /** Opened by it. */
  readonly attempt?: BootAttempt
}

/** What must survive a restart. One writer; every method is safe to call from the packet loop. */
export interface StateStore {
  /** Resolves when every lease is on disk (fdatasync has returned); rejects when it is not. */
  saveLeases(leases: readonly Lease[]): Promise<void>
  /**
   * Leases of networks that were renamed: `gone` is forgotten, and what `leases` has of its addresses replaces whatever was
   * there. All of it or nothing is on disk when this resolves, after all leases saved before.
   */
  moveLeases(moved: { readonly gone: readonly Lease[]; readonly leases: readonly Lease[] }): Promise<void>
  /** Resolves when the attempt is on disk. */
  openAttempt(attempt: BootAttempt): Promise<void>
  /**
   * Resolves when the node's state, its new lines and its new attempt are on disk, all of them; rejects when none is. The
   * revision must be the one that follows what is there.
   */
  saveBoots(change: BootsChange): Promise<void>
  /** Written soon, in batches; lost at most for the last second before a crash. */
  appendEvents(events: readonly StoredEvent[]): void
  saveSeen(machines: readonly SeenMachine[]): void
  saveProgress(progress: BootProgress): void
  /** Everything appended before is on disk when this resolves. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** What a server needs to go on where the last one stopped. */
export interface SavedState {
  /** In no order. */
  readonly leases: LeaseBlock
  readonly attempts: readonly BootAttempt[]
  readonly boots: readonly NodeBoots[]
  /** The one seen last comes last. */
  readonly seen: readonly SeenMachine[]
  readonly lastEventId: number
}

/** Read-only access to the state of a running or stopped server, for `leases`, `nodes` and `events`. */
export interface StateReader {
  leases(): Promise<readonly Lease[]>
  seen(): Promise<readonly SeenMachine[]>
  attempts(): Promise<readonly (BootAttempt & { readonly stage?: string; readonly stageAt?: number })[]>
  /** Of nodes of which something was commanded. */
  boots(): Promise<readonly NodeBoots[]>
  /** The newest lines of a node's history, at most `limit`, oldest first. */
  bootLines(node: string, limit: number): Promise<readonly BootLine[]>
  /** The id of the newest stored event; 0 when there is none. */
  lastEventId(): Promise<number>
  /** The newest events, at most `limit`, oldest first. Ids have gaps: counting back from the last one finds fewer. */
  newestEvents(limit: number): Promise<readonly StoredEvent[]>
  /** Events with an id above `after`, oldest first, at most `limit`. */
  events(after: number, limit: number): Promise<readonly StoredEvent[]>
  close(): Promise<void>
}

/** The access log. */
export interface AccessSink {
  /** Whether anybody reads what is written: a line need not be made otherwise. */
  readonly isOn: boolean
  /** A whole line, with its end. Never waits. */
  line(text: string): void
  readonly totals: { readonly written: number; readonly lost: number }
}
