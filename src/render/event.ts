import { formatBytes } from '../lib/text.ts'
import type { BootEvent, EventKind } from '../model/event.ts'

/** The word a person looks for, in the order a boot shows them. */
const WORDS: Readonly<Record<EventKind, string>> = {
  'server.started': 'server started',
  'server.stopped': 'server stopped',
  'config.reloaded': 'configuration reloaded',
  'config.rejected': 'configuration refused',
  'network.up': 'network up',
  'network.down': 'network down',
  'dhcp.discover': 'DISCOVER',
  'dhcp.offer': 'OFFER',
  'dhcp.request': 'REQUEST',
  'dhcp.ack': 'ACK',
  'dhcp.nak': 'NAK',
  'dhcp.inform': 'INFORM',
  'dhcp.release': 'RELEASE',
  'dhcp.decline': 'DECLINE',
  'dhcp.ignored': 'no answer',
  'dhcp.would-answer': 'would answer',
  'tftp.start': 'TFTP',
  'tftp.progress': 'TFTP',
  'tftp.done': 'TFTP done',
  'tftp.probe': 'TFTP size probe',
  'tftp.failed': 'TFTP failed',
  'tftp.refused': 'TFTP refused',
  'http.script': 'script',
  'http.start': 'HTTP',
  'http.progress': 'HTTP',
  'http.done': 'HTTP done',
  'http.failed': 'HTTP failed',
  'boot.failed': 'boot failed',
  report: 'report',
}

/** One line without time or machine: "OFFER 10.77.0.11 undionly.kpxe". */
export function describeEvent(event: BootEvent): string {
  const { detail, address, kind } = event
  const facts: string[] = [WORDS[kind]]
  if (address !== undefined && kind.startsWith('dhcp.')) facts.push(address)
  const rate = transferRate(event)
  for (const [key, value] of Object.entries(detail)) {
    if (SIZES.has(key) && typeof value === 'number')
      facts.push(key === 'size' ? formatBytes(value) : `${key} ${formatBytes(value)}`)
    else if (PLAIN.has(key)) facts.push(String(value))
    else if (!HIDDEN.has(key)) facts.push(`${key}=${value}`)
  }
  return [...facts, ...(rate === undefined ? [] : [rate])].join(' ')
}

/** Facts that speak for themselves without their key. */
const PLAIN: ReadonlySet<string> = new Set([
  'stage',
  'arch',
  'boot',
  'file',
  'script',
  'profile',
  'step',
  'reason',
  'answer',
  'message',
])
const SIZES: ReadonlySet<string> = new Set(['size', 'sent', 'bytes'])
const HIDDEN: ReadonlySet<string> = new Set(['to', 'total', 'ms', 'form', 'cmdline', 'blksize'])

function transferRate({ kind, detail }: BootEvent): string | undefined {
  const octets = detail['sent'] ?? detail['bytes']
  const { ms } = detail
  if (!kind.endsWith('.done') || typeof octets !== 'number' || typeof ms !== 'number') return undefined
  return `in ${(ms / 1000).toFixed(1)} s (${formatBytes((octets * 1000) / Math.max(ms, 1))}/s)`
}

/** `2026-11-23T04:01:07.123Z node01 (52:54:00:77:00:01) OFFER 10.77.0.11 ...`, in UTC. */
export function formatEventLine(event: BootEvent): string {
  const who =
    event.node === undefined
      ? (event.mac ?? '')
      : `${event.node}${event.mac === undefined ? '' : ` (${event.mac})`}`
  const place =
    who === '' && event.address !== undefined && !event.kind.startsWith('dhcp.') ? event.address : who
  return [new Date(event.time).toISOString(), place, describeEvent(event)]
    .filter((part) => part !== '')
    .join(' ')
}
