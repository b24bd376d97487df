import { type Ipv4, ipv4FromBytes } from '../../lib/ipv4.ts'
import { readSubOptions } from './option-area.ts'

/** Sub-options of option 82 (IANA "DHCP Relay Agent Sub-Option Codes"). */
const CIRCUIT_ID = 1
const REMOTE_ID = 2
const LINK_SELECTION = 5
const SERVER_IDENTIFIER_OVERRIDE = 11
const RELAY_SOURCE_PORT = 19

export interface RelayAgentInfo {
  /** The port at which the client is, in the relay's or switch's own form (RFC 3046 §3.1). */
  readonly circuitId: Uint8Array | undefined
  /** The switch, line or client, likewise (§3.2). */
  readonly remoteId: Uint8Array | undefined
  /** The subnet to serve instead of giaddr's (RFC 3527). */
  readonly linkSelection: Ipv4 | undefined
  /** What the client takes for the server, so that its renewals come by way of the relay (RFC 5107). */
  readonly serverOverride: Ipv4 | undefined
  /** Whether replies go to the UDP port the relay sent from, not to 67 (RFC 8357). */
  readonly relaySourcePort: boolean
}

/** Reads the value of option 82 (RFC 3046). Nothing is refused: broken sub-options end the list. */
export function parseRelayAgentInfo(value: Uint8Array): RelayAgentInfo {
  const { options } = readSubOptions(value)
  const data = (code: number): Uint8Array | undefined => options.find((option) => option.code === code)?.data
  return {
    circuitId: data(CIRCUIT_ID),
    remoteId: data(REMOTE_ID),
    linkSelection: ipv4FromBytes(data(LINK_SELECTION) ?? new Uint8Array()),
    serverOverride: ipv4FromBytes(data(SERVER_IDENTIFIER_OVERRIDE) ?? new Uint8Array()),
    relaySourcePort: data(RELAY_SOURCE_PORT) !== undefined,
  }
}
