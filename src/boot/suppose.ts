import { type Mac, macToBytes, macWithDashes } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import type { ScriptForm } from '../model/script.ts'
import { blankMessage, CHADDR, type DhcpMessage } from '../protocol/dhcp4/message.ts'
import { encapsulated, messageTypeValue, textValue } from '../protocol/dhcp4/option-values.ts'
import { archOfName, type ClientArch } from '../protocol/iana/arch.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { classifyDhcp } from './classify.ts'
import { classifyScript } from './classify-http.ts'
import type { BootRequest, ClientStage, Ingress } from './decision.ts'

/** What iPXE tells of itself in option 175: that it speaks HTTP (feature 0x13, version 1). */
const SPEAKS_HTTP = { code: 0x13, data: Uint8Array.of(1) }

export interface SupposedClient {
  readonly mac: Mac
  readonly arch: ClientArch
  readonly stage: ClientStage
  readonly via: 'dhcp' | 'http'
  /** What somebody chose in the menu. */
  readonly choice?: string
  /** The step that failed on it, with iPXE's error number if it told one. */
  readonly failed?: { readonly step: string; readonly errno?: string }
  readonly form: ScriptForm
}

/**
 * What such a client would ask, read as the server reads it off the wire: `explain` has no reading of its own. The error
 * is the reason why the server would not even look at it.
 */
export function supposeRequest(client: SupposedClient, ingress: Ingress): Result<BootRequest, string> {
  const { mac, arch, via, choice, failed, form } = client
  if (via === 'dhcp') {
    const classified = classifyDhcp(discover(client), ingress)
    return classified.ok ? ok(classified.value.boot) : err(classified.error.reason)
  }
  const query = new URLSearchParams({
    arch,
    ...(choice === undefined ? {} : { choice }),
    ...(failed === undefined ? {} : { failed: failed.step }),
    ...(failed?.errno === undefined ? {} : { errno: failed.errno }),
  })
  const script = classifyScript(`${macWithDashes(mac)}.${form}`, query, ingress)
  return script.ok ? ok(script.value.boot) : script
}

function discover({ mac, arch, stage }: SupposedClient): DhcpMessage {
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
