import { ok, type Result } from '../lib/result.ts'
import {
  decodeRouterSolicitation,
  encodeEmptyRouterAdvertisement,
  ROUTER_SOLICITATION,
} from '../protocol/icmpv6.ts'
import { type Icmpv6Sender, openIcmpv6Socket } from './icmpv6-socket.ts'

/** Answers router solicitations on one interface until it is closed. */
export interface RouterAdvertisementResponder {
  /** How many solicitations were answered. */
  answered(): number
  close(): void
}

/** ff02::2, all routers on this link (RFC 4291 §2.7.1). */
const ALL_ROUTERS = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)
const POLL_MS = 50
/** Bounds the work of one poll; what is left waits for the next. */
const MESSAGES_PER_POLL = 64
/** The address in a struct sockaddr_in6. */
const ADDRESS_AT = 8

/**
 * iPXE with IPv6 waits about 13 s at each DHCP round for a router advertisement (all versions up to 2.0.0). Each
 * solicitation is answered, to its sender alone, with an advertisement that advertises nothing.
 * The error is one sentence for the operator; a lab without the responder is slow, not broken.
 */
export function answerRouterSolicitations(
  interfaceName: string,
): Result<RouterAdvertisementResponder, string> {
  const opened = openIcmpv6Socket({ interface: interfaceName, group: ALL_ROUTERS, type: ROUTER_SOLICITATION })
  if (!opened.ok) return opened
  const socket = opened.value
  const advertisement = encodeEmptyRouterAdvertisement()
  let answered = 0
  const poll = (): void => {
    for (let i = 0; i < MESSAGES_PER_POLL; i += 1) {
      const received = socket.receive()
      if (received === undefined) return
      if (!decodeRouterSolicitation(received.message).ok || isUnspecified(received.from)) continue
      if (socket.sendTo(received.from, advertisement)) answered += 1
    }
  }
  const timer = setInterval(poll, POLL_MS).unref()
  const close = (): void => {
    clearInterval(timer)
    socket.close()
  }
  return ok({ answered: () => answered, close })
}

/** RFC 4861 §6.2.6: a solicitation from `::` could only be answered to everybody. */
function isUnspecified(sender: Icmpv6Sender): boolean {
  return sender.subarray(ADDRESS_AT, ADDRESS_AT + 16).every((octet) => octet === 0)
}
