import { formatBytes } from '../lib/text.ts'
import type { BootEvent, EventKind } from '../model/event.ts'

/** The word a person looks for, in the order a boot shows them. */
const WORDS: Readonly<Record<EventKind, string>> = {
  'server.started': 'server started',
  'server.stopped': 'server stopped',
  'clock.jump': 'the clock was set',
  'lease.moved': 'leases moved',
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
  'dhcp.bootp': 'BOOTP',
  'dhcp.release': 'RELEASE',
  'dhcp.decline': 'DECLINE',
  'dhcp.conflict': 'address in use:',
  'dhcp.ignored': 'no answer',
  'dhcp.would-answer': 'would answer',
  'dhcp.foreign': 'another DHCP server',
  'dhcp.lost-to': 'lost to',
  'ra.sent': 'told that no IPv6 router is there',
  'ra.off': 'IPv6 routers are waited for:',
  'tftp.start': 'TFTP',
  'tftp.progress': 'TFTP',
  'tftp.stalled': 'TFTP stalled',
  'tftp.resumed': 'TFTP goes on',
  'tftp.done': 'TFTP done',
  'tftp.probe': 'TFTP size probe',
  'tftp.failed': 'TFTP failed',
  'tftp.refused': 'TFTP refused',
  'tftp.script': 'script',
  'http.script': 'script',
  'http.document': 'fetched',
  'document.refused': 'not given',
  'http.start': 'HTTP',
  'http.redirect': 'redirect',
  'http.progress': 'HTTP',
  'http.stalled': 'HTTP stalled',
  'http.resumed': 'HTTP goes on',
  'http.done': 'HTTP done',
  'http.failed': 'HTTP failed',
  'https.failed': 'HTTPS refused',
  'boot.queued': 'waits to load:',
  'boot.admitted': 'may load',
  'node.conflict': 'nobody can tell which machine this is:',
  'files.fallback': 'files from us:',
  'boot.failed': 'boot failed',
  'boot.silent': 'silent: never came for',
  'boot.loop': 'loop: again and again',
  'boot.refused': 'loader refused?',
  'boot.unrecorded': 'attempt not on disk:',
  report: 'report',
  'intent.asked': 'next boot:',
  'intent.replaced': 'not any more:',
  'intent.opened': 'attempt opened:',
  'intent.redeemed': 'attempt redeemed:',
  'intent.refused': 'attempt refused:',
  'intent.done': 'attempt done:',
  'intent.failed': 'attempt failed:',
  'node.quarantined': 'quarantined:',
  'node.released': 'released:',
}

/** One line without time or machine: "OFFER 10.77.0.11 undionly.kpxe". */
export function describeEvent(event: BootEvent): string {
  const { detail, address, kind } = event
  if (kind === 'report') return describeReport(event)
  let line = WORDS[kind]
  if (address !== undefined && kind.startsWith('dhcp.')) line += ` ${address}`
  for (const key in detail) {
    const fact = describeFact(key, event)
    if (fact !== undefined) line += ` ${fact}`
  }
  const rate = transferRate(event)
  return rate === undefined ? line : `${line} ${rate}`
}

/** "report in-service: profile worker at 10.77.0.12"; what is only claimed says so, and why. */
function describeReport({ detail }: BootEvent): string {
  const { stage, standing, because, detail: said } = detail
  const claimed = standing === 'claimed' ? ` (claimed: ${because})` : ''
  return `report ${stage}${claimed}${said === undefined ? '' : `: ${said}`}`
}

/** Facts that speak for themselves without their key. */
const PLAIN: ReadonlySet<string> = new Set([
  ...['stage', 'arch', 'boot', 'file', 'script', 'profile', 'image', 'step', 'reason', 'answer', 'message'],
  ...['fetch', 'url', 'error', 'server'],
])
const ASIDE: ReadonlySet<string> = new Set(['no-boot', 'hint', 'warning', 'because'])
const SIZES: ReadonlySet<string> = new Set(['size', 'sent', 'bytes'])
const HIDDEN: ReadonlySet<string> = new Set(['to', 'total', 'ms', 'form', 'blksize', 'standing', 'rate'])

function describeFact(key: string, { detail }: BootEvent): string | undefined {
  const value = detail[key] ?? ''
  if (HIDDEN.has(key)) return undefined
  if (PLAIN.has(key)) return String(value)
  if (ASIDE.has(key)) return `(${value})`
  if (key === 'document') return `of ${value}`
  if (key === 'base') return `not from ${value}`
  if (key === 'files') return `files from ${value}`
  if (key === 'idle') return `nothing moved for ${value}`
  if (key === 'asks') return `for ${value}`
  if (key === 'seconds') return `in ${value} s`
  if (key === 'waited') return `after ${(Number(value) / 1000).toFixed(1)} s`
  if (key === 'place') return `number ${value}`
  if (key === 'waiting') return `of ${value},`
  if (key === 'loading') return `${value} load`
  if (SIZES.has(key) && typeof value === 'number')
    return key === 'size' && ('sent' in detail || 'bytes' in detail)
      ? `of ${formatBytes(value)}`
      : formatBytes(value)
  return `${key}=${value}`
}

function transferRate({ kind, detail }: BootEvent): string | undefined {
  const octets = detail['sent'] ?? detail['bytes']
  const { ms, rate, size } = detail
  if (typeof rate === 'number' && typeof octets === 'number' && typeof size === 'number')
    return `${Math.floor((octets * 100) / Math.max(size, 1))} % at ${formatBytes(rate)}/s`
  if (!kind.endsWith('.done') || typeof octets !== 'number' || typeof ms !== 'number') return undefined
  return `in ${(ms / 1000).toFixed(1)} s (${formatBytes((octets * 1000) / Math.max(ms, 1))}/s)`
}

/** `2026-11-23T04:01:07.123Z node01 (52:54:00:77:00:01) OFFER 10.77.0.11 ...`, in UTC. */
export function formatEventLine(event: BootEvent): string {
  return `${new Date(event.time).toISOString()} ${formatEventText(event)}`
}

/** The same without its time, for a log that has its own. */
export function formatEventText(event: BootEvent): string {
  const whose = whoseEvent(event)
  return whose === '' ? describeEvent(event) : `${whose} ${describeEvent(event)}`
}

function whoseEvent({ node, mac, address, network, kind }: BootEvent): string {
  if (node !== undefined) return mac === undefined ? node : `${node} (${mac})`
  if (mac !== undefined) return mac
  if (kind === 'network.up' || kind === 'network.down') return [network, address].filter(Boolean).join(' ')
  return address !== undefined && !kind.startsWith('dhcp.') ? address : ''
}
