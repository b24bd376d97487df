import { type Ipv4, ipv4FromBytes } from '../../lib/ipv4.ts'
import type { DhcpOption } from './message.ts'
import { readSubOptions } from './option-area.ts'

/** Sub-options of option 82 (IANA "DHCP Relay Agent Sub-Option Codes"). */
export const RELAY_SUB_OPTIONS = [
  { code: 1, name: 'circuit-id', cite: 'RFC 3046 §3.1' },
  { code: 2, name: 'remote-id', cite: 'RFC 3046 §3.2' },
  { code: 5, name: 'link-selection', cite: 'RFC 3527' },
  { code: 6, name: 'subscriber-id', cite: 'RFC 3993' },
  { code: 9, name: 'vendor-specific', cite: 'RFC 4243' },
  { code: 10, name: 'flags', cite: 'RFC 5010' },
  { code: 11, name: 'server-identifier-override', cite: 'RFC 5107' },
  { code: 12, name: 'relay-id', cite: 'RFC 6925' },
  { code: 19, name: 'relay-source-port', cite: 'RFC 8357' },
  { code: 151, name: 'virtual-subnet-selection', cite: 'RFC 6607' },
  { code: 152, name: 'virtual-subnet-selection-control', cite: 'RFC 6607' },
] as const

export interface RelayAgentInfo {
  /** The whole value, to be echoed octet for octet even where it makes no sense to us (RFC 3046 §2.2). */
  readonly raw: Uint8Array
  /** The sub-options that could be read. */
  readonly subOptions: readonly DhcpOption[]
  readonly circuitId: Uint8Array | undefined
  readonly remoteId: Uint8Array | undefined
  readonly subscriberId: Uint8Array | undefined
  /** The subnet to serve instead of giaddr's (RFC 3527). */
  readonly linkSelection: Ipv4 | undefined
  /** What option 54 of the reply shall say (RFC 5107). */
  readonly serverIdentifierOverride: Ipv4 | undefined
  /** Whether replies go to the UDP port the relay sent from, not to 67 (RFC 8357). */
  readonly relaySourcePort: boolean
}

/** Reads the value of option 82. Nothing is refused: broken sub-options end the list. */
export function parseRelayAgentInfo(raw: Uint8Array): RelayAgentInfo {
  const subOptions = readSubOptions(raw).options.map(({ code, data }) => ({ code, data }))
  const data = (name: (typeof RELAY_SUB_OPTIONS)[number]['name']): Uint8Array | undefined => {
    const code = RELAY_SUB_OPTIONS.find((row) => row.name === name)?.code
    return subOptions.find((option) => option.code === code)?.data
  }
  return {
    raw,
    subOptions,
    circuitId: data('circuit-id'),
    remoteId: data('remote-id'),
    subscriberId: data('subscriber-id'),
    linkSelection: ipv4FromBytes(data('link-selection') ?? new Uint8Array()),
    serverIdentifierOverride: ipv4FromBytes(data('server-identifier-override') ?? new Uint8Array()),
    relaySourcePort: data('relay-source-port') !== undefined,
  }
}
