import { isNoCardMac, type Mac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { standInMac } from '../lib/stand-in-mac.ts'
import { toHex } from '../lib/text.ts'
import { clientMac, type DhcpMessage, hardwareAddress } from '../protocol/dhcp4/message.ts'

/** Who sent a message. */
export interface ClientIdentity {
  /** The network card's; what stands in its place where that is not Ethernet. */
  readonly card: Mac
  /** What its lease belongs to. */
  readonly key: Mac
  /** The key stands for option 61. */
  readonly byClientId: boolean
}

export type NoIdentity = 'no-identity' | 'no-card-address'

/**
 * Hardware address first, so that firmware, loader and operating system of a machine, each with another option 61 or none,
 * are one client (RFC 4361 §6.3 lets a server do so); option 61 first where the network says `identity: client-id`, and
 * where there is no hardware address at all (IPoIB, RFC 4390 §2.1).
 */
export function identifyClient(
  message: DhcpMessage,
  clientId: Uint8Array | undefined,
  identity: 'mac' | 'client-id',
): Result<ClientIdentity, { readonly code: NoIdentity; readonly reason: string; readonly mac?: Mac }> {
  const mac = clientMac(message)
  if (mac !== undefined && isNoCardMac(mac))
    return err({ code: 'no-card-address', reason: 'no network card has this address', mac })
  if (mac !== undefined && (clientId === undefined || identity === 'mac'))
    return ok({ card: mac, key: mac, byClientId: false })
  const hardware = hardwareAddress(message)
  const card = mac ?? (hardware.length === 0 ? undefined : standInMac(`${message.htype} ${toHex(hardware)}`))
  if (clientId !== undefined && (card === undefined || identity === 'client-id')) {
    const key = standInMac(toHex(clientId))
    return ok({ card: card ?? key, key, byClientId: true })
  }
  if (card !== undefined) return ok({ card, key: card, byClientId: false })
  const reason = `hardware type ${message.htype} without an address, and no client identifier (option 61)`
  return err({ code: 'no-identity', reason })
}
