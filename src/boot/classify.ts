import { isGroupMac, type Mac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { printable, toHex } from '../lib/text.ts'
import type { LeaseAsk, LeaseRequest } from '../model/lease-request.ts'
import type { Step } from '../model/rules.ts'
import { clientMac, type DhcpMessage } from '../protocol/dhcp4/message.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'
import { pxeBootItem } from '../protocol/dhcp4/option-43.ts'
import {
  clientArches,
  clientIdentifier,
  clientUuid,
  ipxeFeatures,
  messageType,
  requestedAddress,
  serverIdentifier,
  userClasses,
  vendorClass,
} from '../protocol/dhcp4/options.ts'
import { archOfCode } from '../protocol/iana/arch.ts'
import type { BootClient, BootRequest, Ingress } from './decision.ts'
import { hasLoader } from './loaders.ts'

/** One DHCP message as facts: what it asks of its address, and what kind of client asks where to boot. */
export interface ClassifiedDhcp {
  readonly type: MessageType
  readonly boot: BootRequest & { readonly client: { readonly mac: Mac } }
  readonly lease: LeaseRequest
  /** Option 60, safe to print. */
  readonly vendorClass?: string
}

/** A message that gets no answer, with its reason; `mac` where the sender could be read. */
export interface NotForUs {
  readonly reason: string
  readonly mac?: Mac
}

/**
 * Facts out of a message: here live option numbers and quirks, no policy. iPXE is recognised before option 60 is
 * looked at, since a chained iPXE repeats the vendor class of the ROM that loaded it (ipxe/ipxe issue 1527).
 */
export function classifyDhcp(message: DhcpMessage, ingress: Ingress): Result<ClassifiedDhcp, NotForUs> {
  const mac = clientMac(message)
  if (mac === undefined) return err({ reason: `hardware type ${message.htype} with ${message.hlen} octets` })
  const type = messageType(message)
  const notForUs = (reason: string): Result<ClassifiedDhcp, NotForUs> => err({ reason, mac })
  if (isGroupMac(mac) || mac === '00:00:00:00:00:00') return notForUs('no network card has this address')
  if (message.op !== 'request') return notForUs('a reply, sent by another DHCP server')
  if (type === undefined) return notForUs('BOOTP: no option 53')
  if (message.giaddr !== 0) return notForUs('relayed: networks behind a relay are not available yet')
  // EDK2 asks boot servers with a REQUEST that looks like REBINDING but for option 43.71.
  if (pxeBootItem(message) !== undefined) return notForUs('PXE boot server discovery (option 43.71)')
  const ask = leaseAsk(message, type)
  if (ask === undefined) return notForUs(`${type} that asks for nothing a server gives`)

  const { client, evidence } = classifyClient(message)
  const clientId = clientIdentifier(message)
  const vendor = vendorClass(message)
  return ok({
    type,
    boot: { via: 'dhcp', question: { kind: 'where-next' }, client: { ...client, mac }, ingress, evidence },
    lease: { ask, mac, ...(clientId === undefined ? {} : { clientId: toHex(clientId) }) },
    ...(vendor === undefined ? {} : { vendorClass: printable(vendor, 80) }),
  })
}

/** RFC 2131 §4.3.2: the three states of a REQUEST are told apart by options 54 and 50 and by ciaddr. */
function leaseAsk(message: DhcpMessage, type: MessageType): LeaseAsk | undefined {
  const requested = requestedAddress(message)
  const server = serverIdentifier(message)
  const current = message.ciaddr
  switch (type) {
    case 'DISCOVER':
      return requested === undefined ? { kind: 'discover' } : { kind: 'discover', requested }
    case 'REQUEST':
      if (server !== undefined) {
        const address = requested ?? (current === 0 ? undefined : current)
        return address === undefined ? undefined : { kind: 'select', requested: address, server }
      }
      if (current !== 0) return { kind: 'renew', current }
      return requested === undefined ? undefined : { kind: 'reboot', requested }
    case 'RELEASE':
      return { kind: 'release', current, ...(server === undefined ? {} : { server }) }
    case 'DECLINE':
      return requested === undefined
        ? undefined
        : { kind: 'decline', declined: requested, ...(server === undefined ? {} : { server }) }
    case 'INFORM':
      return current === 0 ? undefined : { kind: 'inform', current }
    default:
      return undefined
  }
}

function classifyClient(message: DhcpMessage): {
  readonly client: BootClient
  readonly evidence: readonly Step[]
} {
  const { code, found } = archCode(message)
  const arch = code === undefined ? undefined : archOfCode(code)
  const ipxe = ipxeSign(message)
  const firmware = firmwareSign(message)
  const uuid = clientUuid(message)
  const features = ipxeFeatures(message)
  const stage = ipxe !== undefined ? 'ipxe' : firmware !== undefined ? 'rom' : 'os'
  // An iPXE that tells its features and not HTTP cannot fetch a script by URL (stripped ROMs of virtual machines).
  const http = stage === 'ipxe' ? (features?.http ?? true) : arch?.transport === 'http'
  const client: BootClient = {
    ...(uuid === undefined ? {} : { uuid }),
    ...(arch === undefined ? {} : { arch: arch.name }),
    ...(code === undefined ? {} : { archCode: code }),
    stage,
    transport: http ? 'http' : 'tftp',
  }
  const evidence: Step[] = []
  if (code !== undefined)
    evidence.push({
      rule: 'client.arch',
      outcome: `${arch?.name ?? 'unassigned'} (${found})`,
      from: 'packet',
      cite: 'RFC 4578 §2.1',
    })
  evidence.push({
    rule: 'client.stage',
    outcome: `${stage} (${ipxe ?? firmware ?? 'no sign of netboot'})`,
    from: 'packet',
    cite: 'PXE 2.1 §2.2',
  })
  return { client, evidence }
}

/**
 * Option 93: its first value that has a loader, or else the first that has a name. Some old ROMs say it only in
 * option 60, `Arch:00007`.
 */
function archCode(message: DhcpMessage): { readonly code?: number; readonly found?: string } {
  const codes = clientArches(message)
  const named = codes.filter((candidate) => archOfCode(candidate) !== undefined)
  const code = named.find((candidate) => hasLoader(archOfCode(candidate)?.name)) ?? named[0] ?? codes[0]
  if (code !== undefined) return { code, found: `option 93 = ${code}` }
  const digits = /^(?:PXE|HTTP)Client:Arch:([0-9]{5})/.exec(vendorClass(message) ?? '')?.[1]
  return digits === undefined ? {} : { code: Number(digits), found: `option 60 says Arch:${digits}` }
}

function ipxeSign(message: DhcpMessage): string | undefined {
  if (ipxeFeatures(message) !== undefined) return 'option 175'
  const named = userClasses(message).find((name) => name === 'iPXE' || name === 'gPXE')
  return named === undefined ? undefined : `option 77 = ${named}`
}

function firmwareSign(message: DhcpMessage): string | undefined {
  return /^(PXEClient|HTTPClient)/.exec(vendorClass(message) ?? '')?.map((sign) => `option 60 = ${sign}`)[0]
}
