/** perfdhcp, the load generator of Kea (its manual page, kea-admin 2.2): what it is asked and what it prints. */

export interface Load {
  /** Four-way exchanges a second. */
  readonly rate: number
  readonly seconds: number
  /** Whose exchanges: this many clients counted up from a MAC, or any of a file of MACs, one a line. */
  readonly clients:
    | { readonly kind: 'fresh'; readonly firstMac: string; readonly count: number }
    | { readonly kind: 'listed'; readonly file: string }
  /** The address perfdhcp sends from and puts into giaddr: it plays a relay. */
  readonly relay: string
  readonly server: string
}

/** Waited for the last answers, in microseconds. */
const EXIT_WAIT_US = 1_000_000

export function perfdhcpArguments({ rate, seconds, clients, relay, server }: Load): readonly string[] {
  const whose =
    clients.kind === 'fresh'
      ? ['-b', `mac=${clients.firstMac}`, '-R', String(clients.count)]
      : ['-M', clients.file]
  const load = ['-r', String(rate), '-p', String(seconds), '-W', String(EXIT_WAIT_US)]
  return ['-4', '-l', relay, ...load, ...whose, server]
}

export interface Exchanges {
  /** DISCOVERs sent and OFFERs received, REQUESTs sent and ACKs received. */
  readonly discovers: number
  readonly offers: number
  readonly requests: number
  readonly acks: number
  /** Mean milliseconds from REQUEST to ACK; undefined when there was none. */
  readonly ackDelayMs: number | undefined
}

/** Reads the final report; undefined when it is not one. */
export function parsePerfdhcp(text: string): Exchanges | undefined {
  const offer = section(text, 'DISCOVER-OFFER')
  const ack = section(text, 'REQUEST-ACK')
  const discovers = number(offer, 'sent packets')
  const offers = number(offer, 'received packets')
  const requests = number(ack, 'sent packets')
  const acks = number(ack, 'received packets')
  if (discovers === undefined || offers === undefined || requests === undefined || acks === undefined)
    return undefined
  return { discovers, offers, requests, acks, ackDelayMs: number(ack, 'avg delay') }
}

function section(text: string, name: string): string {
  const [, body = ''] = text.split(`***Statistics for: ${name}***`)
  return body.split('***Statistics', 1)[0] ?? ''
}

function number(text: string, label: string): number | undefined {
  const found = new RegExp(`^${label}: ([0-9.]+)`, 'm').exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}
