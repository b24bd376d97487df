import { ANY_ADDRESS, type Ipv4 } from '../lib/ipv4.ts'
import { type Mac, macToBytes, macWithDashes } from '../lib/mac.ts'
import { ok, type Result } from '../lib/result.ts'
import { toHex } from '../lib/text.ts'
import type { ScriptForm } from '../model/script.ts'
import {
  BROADCAST_FLAG,
  blankMessage,
  CHADDR,
  type DhcpMessage,
  type DhcpOption,
} from '../protocol/dhcp4/message.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'
import { encapsulated, ipv4Value, messageTypeValue, textValue } from '../protocol/dhcp4/option-values.ts'
import { archOfName, type ClientArch } from '../protocol/iana/arch.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { classifyScript } from './classify-http.ts'
import type { BootRequest, ClientStage, Ingress } from './decision.ts'

/** What iPXE tells of itself in option 175: that it speaks HTTP (feature 0x13, version 1). */
const SPEAKS_HTTP = { code: 0x13, data: Uint8Array.of(1) }

/** SMBIOS as iPXE knows it. */
export const SMBIOS_FACTS = ['uuid', 'serial', 'asset', 'manufacturer', 'product'] as const
export type SmbiosFact = (typeof SMBIOS_FACTS)[number]

export interface SupposedClient {
  readonly mac: Mac
  readonly arch: ClientArch
  readonly stage: ClientStage
  readonly via: 'dhcp' | 'http'
  /** What somebody chose in the menu. */
  readonly choice?: string
  /** What it says of itself when it asks for its script. */
  readonly says?: Readonly<Partial<Record<SmbiosFact, string>>>
  /** The step that failed on it, with iPXE's error number if it told one. */
  readonly failed?: { readonly step: string; readonly errno?: string }
  readonly form: ScriptForm
  /** Over DHCP; a DISCOVER unless told. */
  readonly message?: SupposedMessage
}

/** The fields of a DHCP message by the names that RFC 2131 gives them. */
export interface SupposedMessage {
  readonly type: MessageType | 'BOOTP'
  /** Option 50. */
  readonly requested?: Ipv4
  /** Option 54. */
  readonly server?: Ipv4
  readonly ciaddr?: Ipv4
  readonly giaddr?: Ipv4
  /** Option 61. */
  readonly clientId?: Uint8Array
  /** Option 82.1 and 82.2. */
  readonly circuitId?: Uint8Array
  readonly remoteId?: Uint8Array
  /** In place of those of these codes that it would send; without octets: none. */
  readonly options?: readonly DhcpOption[]
}

/** The script such a client would ask for. The error is the reason why the server would not even look at it. */
export function supposeScript(client: SupposedClient, ingress: Ingress): Result<BootRequest, string> {
  const { mac, arch, choice, failed, form, says = {} } = client
  const { uuid, ...texts } = says
  const asHex = Object.entries(texts).map(([key, text]) => [key, toHex(new TextEncoder().encode(text))])
  const query = new URLSearchParams({
    arch,
    ...(uuid === undefined ? {} : { uuid }),
    ...Object.fromEntries(asHex),
    ...(choice === undefined ? {} : { choice }),
    ...(failed === undefined ? {} : { failed: failed.step }),
    ...(failed?.errno === undefined ? {} : { errno: failed.errno }),
  })
  const script = classifyScript(`${macWithDashes(mac)}.${form}`, query, ingress)
  return script.ok ? ok(script.value.boot) : script
}

/** The message that such a client would send, for the same reading as those off the wire. */
export function supposeMessage({
  mac,
  arch,
  stage,
  message = { type: 'DISCOVER' },
}: SupposedClient): DhcpMessage {
  const chaddr = new Uint8Array(CHADDR.length)
  chaddr.set(macToBytes(mac))
  const { type, ciaddr = ANY_ADDRESS, giaddr = ANY_ADDRESS } = message
  // EDK2 always asks for broadcast, iPXE and the ROMs of BIOS machines never do.
  const flags = stage === 'rom' && arch.startsWith('uefi') && type !== 'BOOTP' ? BROADCAST_FLAG : 0
  const { options: others = [] } = message
  const own: readonly DhcpOption[] = [
    ...(type === 'BOOTP' ? [] : [{ code: OPTION.messageType, data: messageTypeValue(type) }]),
    ...(type === 'BOOTP' || stage === 'os' ? [] : firmwareOptions(arch, stage)),
    ...address(OPTION.requestedAddress, message.requested),
    ...address(OPTION.serverIdentifier, message.server),
    ...(message.clientId === undefined ? [] : [{ code: OPTION.clientIdentifier, data: message.clientId }]),
    ...relayAgent(message),
  ]
  const kept = own.filter(({ code }) => !others.some((other) => other.code === code))
  return {
    ...{ ...blankMessage('request'), chaddr, ciaddr, giaddr, flags },
    options: [...kept, ...others.filter(({ data }) => data.length > 0)],
  }
}

function address(code: number, value: Ipv4 | undefined): readonly DhcpOption[] {
  return value === undefined ? [] : [{ code, data: ipv4Value(value) }]
}

/** RFC 3046 §2: sub-options 1 and 2. */
function relayAgent({ circuitId, remoteId }: SupposedMessage): readonly DhcpOption[] {
  const parts = [
    ...(circuitId === undefined ? [] : [{ code: 1, data: circuitId }]),
    ...(remoteId === undefined ? [] : [{ code: 2, data: remoteId }]),
  ]
  return parts.length === 0 ? [] : [{ code: OPTION.relayAgentInformation, data: encapsulated(parts) }]
}

function firmwareOptions(arch: ClientArch, stage: ClientStage): readonly DhcpOption[] {
  const row = archOfName(arch)
  const code = row?.code ?? 0
  const kind = row?.transport === 'http' && stage === 'rom' ? 'HTTPClient' : 'PXEClient'
  const ipxe = [
    { code: OPTION.userClass, data: textValue('iPXE') },
    { code: OPTION.ipxe, data: encapsulated([SPEAKS_HTTP]) },
  ]
  return [
    {
      code: OPTION.vendorClass,
      data: textValue(`${kind}:Arch:${String(code).padStart(5, '0')}:UNDI:003000`),
    },
    { code: OPTION.clientArch, data: Uint8Array.of(code >> 8, code & 255) },
    ...(stage === 'ipxe' ? ipxe : []),
  ]
}
