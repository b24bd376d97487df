import { type Mac, macFromBytes } from '../lib/mac.ts'
import { ok, type Result } from '../lib/result.ts'
import {
  decodeRouterSolicitation,
  encodeEmptyRouterAdvertisement,
  encodeRouterSolicitation,
  macOfLinkLocal,
  ROUTER_ADVERTISEMENT,
  ROUTER_SOLICITATION,
} from '../protocol/icmpv6.ts'
import { addressOf, type Icmpv6Message, type Icmpv6Sender, openIcmpv6Socket } from './icmpv6-socket.ts'

export interface QuietRouterOptions {
  readonly interface: string
  /** Whether this is a machine that we boot. */
  readonly isBooting: (mac: Mac) => boolean
  /**
   * Whether routers are asked for, at the start and every ten minutes; nobody is answered before they had time to speak.
   * False: they are only listened for.
   */
  readonly asksFirst: boolean
  readonly onAnswered: (mac: Mac) => void
  /** A router spoke: nobody is answered any more. The address is its 16 octets. */
  readonly onRouter: (address: Uint8Array) => void
}

export interface QuietRouter {
  close(): void
}

/** ff02::2, all routers on this link (RFC 4291 §2.7.1). */
const ALL_ROUTERS = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
/** Milliseconds. iPXE repeats its solicitation after 250, 500, 1000 ... */
const POLL_MS = 50
/** Bounds the work of one poll; what is left waits for the next. */
const MESSAGES_PER_POLL = 64
/** A router answers within half a second, or within three when it spoke shortly before (RFC 4861 §6.2.6). */
const HEARING_MS = 4000
const ASK_AGAIN_MS = 600_000
/** A solicitation comes at the same time as the DISCOVER that tells that a machine boots: it may wait for that. */
const PATIENCE_MS = 5000
const MOST_WAITING = 256

/**
 * iPXE with IPv6 waits about 13 s at each DHCP round for a router advertisement (all versions up to 2.0.0). The solicitation
 * of a machine that we boot is answered, to it alone, with an advertisement that advertises nothing; never on a link on
 * which a router was heard. Node takes no raw descriptor, so the socket is asked 20 times a second.
 * The error is one sentence for the operator: boots are slower then, not broken.
 */
export function openQuietRouter(options: QuietRouterOptions): Result<QuietRouter, string> {
  const opened = openIcmpv6Socket({
    ...{ interface: options.interface, group: ALL_ROUTERS },
    types: [ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT],
  })
  if (!opened.ok) return opened
  const socket = opened.value
  const waiting = new Map<Mac, { readonly from: Icmpv6Sender; readonly until: number }>()
  /** When the routers were asked: first, and last. */
  let first: number | undefined
  let last = Number.NEGATIVE_INFINITY
  let isQuiet = true
  const take = ({ message, from }: Icmpv6Message): void => {
    if (message[0] === ROUTER_ADVERTISEMENT) {
      if (isQuiet) options.onRouter(addressOf(from))
      isQuiet = false
      return
    }
    const mac = solicitorOf(message, from)
    if (mac !== undefined && waiting.size < MOST_WAITING)
      waiting.set(mac, { from, until: performance.now() + PATIENCE_MS })
  }
  const answer = (): void => {
    const now = performance.now()
    if (options.asksFirst && (first === undefined || now - first < HEARING_MS)) return
    for (const [mac, { from, until }] of waiting) {
      const isOurs = isQuiet && options.isBooting(mac)
      if (isOurs && socket.sendTo(from, EMPTY)) options.onAnswered(mac)
      if (isOurs || now > until) waiting.delete(mac)
    }
  }
  // Nothing leaves while the interface's own address is checked for a duplicate (RFC 4862 §5.4), so it is tried at each poll.
  const ask = (): void => {
    if (!socket.sendTo('group', encodeRouterSolicitation())) return
    last = performance.now()
    first ??= last
  }
  const poll = (): void => {
    if (options.asksFirst && performance.now() - last > ASK_AGAIN_MS) ask()
    for (let i = 0; i < MESSAGES_PER_POLL; i += 1) {
      const received = socket.receive()
      if (received === undefined) break
      take(received)
    }
    if (waiting.size > 0) answer()
  }
  poll()
  const timer = setInterval(poll, POLL_MS).unref()
  return ok({
    close() {
      clearInterval(timer)
      socket.close()
    },
  })
}

const EMPTY = encodeEmptyRouterAdvertisement()

/**
 * Whose solicitation it is, when its address and its option agree. One from `::` could only be answered to everybody
 * (RFC 4861 §6.2.6), one from an address that tells no MAC to somebody unknown.
 */
function solicitorOf(message: Uint8Array, from: Icmpv6Sender): Mac | undefined {
  const decoded = decodeRouterSolicitation(message)
  const mac = macOfLinkLocal(addressOf(from))
  if (!decoded.ok || mac === undefined) return undefined
  const { sourceLinkLayer } = decoded.value
  return sourceLinkLayer === undefined || macFromBytes(sourceLinkLayer) === mac ? mac : undefined
}
