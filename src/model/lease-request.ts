import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'

/**
 * What a client asks of its address, freed of option numbers. `select`, `reboot` and `renew` are the kinds of REQUEST
 * of RFC 2131 §4.3.2 (table 4).
 */
export type LeaseAsk =
  | { readonly kind: 'discover'; readonly requested?: Ipv4 }
  | { readonly kind: 'select'; readonly requested: Ipv4; readonly server: Ipv4 }
  | { readonly kind: 'reboot'; readonly requested: Ipv4 }
  /** RENEWING and REBINDING: an authoritative server answers both alike. */
  | { readonly kind: 'renew'; readonly current: Ipv4 }
  | { readonly kind: 'release'; readonly current: Ipv4; readonly server?: Ipv4 }
  | { readonly kind: 'decline'; readonly declined: Ipv4; readonly server?: Ipv4 }
  | { readonly kind: 'inform'; readonly current: Ipv4 }
  /** A question to a PXE boot server, which only looks like a REQUEST (PXE 2.1 §2.2.4). */
  | { readonly kind: 'boot-server'; readonly server?: Ipv4 }
  /** A question without option 53 (RFC 951), which no lease answers. */
  | { readonly kind: 'bootp' }

export interface LeaseRequest {
  readonly ask: LeaseAsk
  /** The lease key: with option 61 as the key, ROM, iPXE and OS would get three addresses (RFC 4361 §6.3 allows this). */
  readonly mac: Mac
  /** The network card's, where the key is another one. */
  readonly card?: Mac
  /** The key stands for option 61. */
  readonly byClientId?: true
  /** Option 61 as hex. */
  readonly clientId?: string
  /** The lease time it wishes for, in seconds (option 51). */
  readonly wishedSeconds?: number
}
