import { type Mac, macToBytes } from '../lib/mac.ts'
import { blankMessage, CHADDR, type DhcpMessage } from '../protocol/dhcp4/message.ts'
import { encapsulated, messageTypeValue, textValue } from '../protocol/dhcp4/option-values.ts'
import { archOfName, type ClientArch } from '../protocol/iana/arch.ts'
import { OPTION } from '../protocol/iana/options.ts'
import type { ClientStage } from './decision.ts'

/** What iPXE tells of itself in option 175: that it speaks HTTP (feature 0x13, version 1). */
const SPEAKS_HTTP = { code: 0x13, data: Uint8Array.of(1) }

export interface SupposedClient {
  readonly mac: Mac
  readonly arch: ClientArch
  readonly stage: ClientStage
}

/** The DISCOVER that such a client would send, so that `explain` classifies a message as the server does. */
export function supposeDiscover({ mac, arch, stage }: SupposedClient): DhcpMessage {
  const chaddr = new Uint8Array(CHADDR.length)
  chaddr.set(macToBytes(mac))
  const row = archOfName(arch)
  const code = row?.code ?? 0
  const kind = row?.transport === 'http' && stage === 'rom' ? 'HTTPClient' : 'PXEClient'
  const firmware = [
    {
      code: OPTION.vendorClass,
      data: textValue(`${kind}:Arch:${String(code).padStart(5, '0')}:UNDI:003000`),
    },
    { code: OPTION.clientArch, data: Uint8Array.of(code >> 8, code & 255) },
  ]
  const ipxe = [
    { code: OPTION.userClass, data: textValue('iPXE') },
    { code: OPTION.ipxe, data: encapsulated([SPEAKS_HTTP]) },
  ]
  return {
    ...blankMessage('request'),
    chaddr,
    options: [
      { code: OPTION.messageType, data: messageTypeValue('DISCOVER') },
      ...(stage === 'os' ? [] : firmware),
      ...(stage === 'ipxe' ? ipxe : []),
    ],
  }
}
