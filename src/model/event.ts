import type { Mac } from '../lib/mac.ts'

/** Everything that can appear on a machine's timeline. */
export const EVENT_KINDS = [
  'server.started',
  'server.stopped',
  'clock.jump',
  'lease.moved',
  'config.reloaded',
  'config.rejected',
  'network.up',
  'network.down',
  'dhcp.discover',
  'dhcp.offer',
  'dhcp.request',
  'dhcp.ack',
  'dhcp.nak',
  'dhcp.inform',
  'dhcp.bootp',
  'dhcp.release',
  'dhcp.decline',
  'dhcp.conflict',
  'dhcp.ignored',
  'dhcp.would-answer',
  'dhcp.foreign',
  'dhcp.lost-to',
  'ra.sent',
  'ra.off',
  'tftp.start',
  'tftp.progress',
  'tftp.stalled',
  'tftp.resumed',
  'tftp.done',
  'tftp.probe',
  'tftp.failed',
  'tftp.refused',
  'tftp.script',
  'http.script',
  'http.document',
  'document.refused',
  'http.start',
  'http.redirect',
  'http.progress',
  'http.stalled',
  'http.resumed',
  'http.done',
  'http.failed',
  'https.failed',
  'boot.queued',
  'boot.admitted',
  'node.conflict',
  'files.fallback',
  'boot.failed',
  'boot.silent',
  'boot.loop',
  'boot.refused',
  'boot.unrecorded',
  'report',
  'intent.asked',
  'intent.replaced',
  'intent.opened',
  'intent.redeemed',
  'intent.refused',
  'intent.done',
  'intent.failed',
  'node.quarantined',
  'node.released',
] as const

export type EventKind = (typeof EVENT_KINDS)[number]

/** One thing that happened, as the log, the timeline and `events --json` show it. */
export interface BootEvent {
  /** Milliseconds since 1970, by the server's clock. */
  readonly time: number
  readonly kind: EventKind
  readonly mac?: Mac
  /** The node's name, when the machine is described. */
  readonly node?: string
  readonly network?: string
  /** The client's IPv4 address in dotted decimal. */
  readonly address?: string
  /** Values are safe to print: client text went through `printable`. */
  readonly detail: Readonly<Record<string, string | number | boolean>>
}

/** Kinds that only tell how far a transfer is: shown live, never stored. */
export function isTransient(kind: EventKind): boolean {
  return kind === 'tftp.progress' || kind === 'http.progress'
}

/** `id` counts up by one for every stored event, leaves a gap at every start of the server, and never repeats. */
export interface StoredEvent extends BootEvent {
  readonly id: number
}
