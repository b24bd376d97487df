import { ANY_ADDRESS, type Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { printable, toHex } from '../lib/text.ts'
import type { LeaseAsk, LeaseRequest } from '../model/lease-request.ts'
import type { PortEvidence } from '../model/node-keys.ts'
import type { Step } from '../model/rules.ts'
import { type DhcpMessage, isBootp } from '../protocol/dhcp4/message.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'
import { pxeBootItem } from '../protocol/dhcp4/option-43.ts'
import {
  clientArches,
  clientIdentifier,
  clientUuid,
  leaseTime,
  messageType,
  relayAgentInfo,
  requestedAddress,
  serverIdentifier,
  serverOverride,
  vendorClass,
} from '../protocol/dhcp4/options.ts'
import { archOfCode } from '../protocol/iana/arch.ts'
import { classifyFirmware } from './classify-firmware.ts'
import { identifyClient, type NoIdentity } from './client-identity.ts'
import type { BootClient, BootRequest, Ingress } from './decision.ts'

/** One DHCP message as facts: what it asks of its address, and what kind of client asks where to boot. */
export interface ClassifiedDhcp {
  /** BOOTP where option 53 is missing. */
  readonly type: MessageType | 'BOOTP'
  readonly boot: BootRequest & { readonly client: { readonly mac: Mac } }
  readonly lease: LeaseRequest
  /** Option 60, safe to print. */
  readonly vendorClass?: string
}

export type DropCode = 'malformed' | 'unknown-network' | NoIdentity | 'not-a-request' | 'empty-question'

/** A message that gets no answer, with its reason; `mac` where the sender could be read. */
export interface NotForUs {
  readonly code: DropCode
  readonly reason: string
  readonly mac?: Mac
}

/**
 * Facts out of a message: here and in `classify-firmware.ts` live option numbers and quirks, no policy.
 */
export function classifyDhcp(
  message: DhcpMessage,
  ingress: Ingress,
  { sourceAddress, identity = 'mac' }: Arrived = {},
): Result<ClassifiedDhcp, NotForUs> {
  const clientId = clientIdentifier(message)
  const who = identifyClient(message, clientId, identity)
  if (!who.ok) return who
  const { card: mac, key, byClientId } = who.value
  const type = messageType(message) ?? 'BOOTP'
  const notForUs = (code: DropCode, reason: string): Result<ClassifiedDhcp, NotForUs> =>
    err({ code, reason, mac })
  if (message.op !== 'request') return notForUs('not-a-request', 'a reply, sent by another DHCP server')
  const ask = leaseAsk(message, type, { ours: ingress.server, sourceAddress })
  if (ask === undefined) return notForUs('empty-question', `${type} that asks for nothing a server gives`)

  const { client, evidence } = classifyClient(message)
  const id = clientId === undefined ? undefined : toHex(clientId)
  const port = portOf(message)
  const wishedSeconds = leaseTime(message)
  const vendor = vendorClass(message)
  return ok({
    type,
    boot: {
      ...{ via: 'dhcp', question: { kind: 'where-next' }, ingress, evidence },
      client: {
        ...{ ...client, mac },
        ...(id === undefined ? {} : { clientId: id }),
        ...(port === undefined ? {} : { port }),
      },
    },
    lease: {
      ...{ ask, mac: key },
      ...(key === mac ? {} : { card: mac }),
      ...(byClientId ? { byClientId: true } : {}),
      ...(id === undefined ? {} : { clientId: id }),
      ...(wishedSeconds === undefined ? {} : { wishedSeconds }),
    },
    ...(vendor === undefined ? {} : { vendorClass: printable(vendor, 80) }),
  })
}

/** How a message came in. */
interface Arrived {
  readonly sourceAddress?: Ipv4 | undefined
  /** As the network says. */
  readonly identity?: 'mac' | 'client-id'
}

/** Option 82, which a relay adds, or a switch that snoops. */
function portOf(message: DhcpMessage): PortEvidence | undefined {
  const { circuitId, remoteId } = relayAgentInfo(message) ?? {}
  if (circuitId === undefined && remoteId === undefined) return undefined
  return {
    relay: message.giaddr,
    ...(circuitId === undefined ? {} : { circuitId: toHex(circuitId) }),
    ...(remoteId === undefined ? {} : { remoteId: toHex(remoteId) }),
  }
}

/** RFC 2131 §4.3.2: the three states of a REQUEST are told apart by options 54 and 50 and by ciaddr. */
function leaseAsk(
  message: DhcpMessage,
  type: ClassifiedDhcp['type'],
  { ours, sourceAddress = ANY_ADDRESS }: { readonly ours: Ipv4; readonly sourceAddress?: Ipv4 | undefined },
): LeaseAsk | undefined {
  const requested = requestedAddress(message)
  const named = serverIdentifier(message)
  const server = named !== undefined && named === serverOverride(message) ? ours : named
  const current = message.ciaddr
  switch (type) {
    case 'BOOTP':
      return { kind: 'bootp' }
    case 'DISCOVER':
      return requested === undefined ? { kind: 'discover' } : { kind: 'discover', requested }
    case 'REQUEST':
      // EDK2 asks boot servers with a REQUEST that looks like REBINDING but for option 43.71.
      if (pxeBootItem(message) !== undefined)
        return { kind: 'boot-server', ...(server === undefined ? {} : { server }) }
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
    case 'INFORM': {
      // Some leave ciaddr empty; the answer goes to where the message came from.
      const asking = current === 0 ? sourceAddress : current
      return asking === 0 ? undefined : { kind: 'inform', current: asking }
    }
    default:
      return undefined
  }
}

function classifyClient(message: DhcpMessage): {
  readonly client: BootClient
  readonly evidence: readonly Step[]
} {
  const { codes, found } = archCodes(message)
  const rows = codes.flatMap((candidate) => archOfCode(candidate) ?? [])
  const [arch] = rows
  const code = arch?.code ?? codes[0]
  const uuid = clientUuid(message)
  const { stage, firmware, sign, transport, isOurs } = classifyFirmware(message, arch)
  const client: BootClient = {
    ...(uuid === undefined ? {} : { uuid }),
    ...(arch === undefined ? {} : { arch: arch.name }),
    ...(rows.length > 1 ? { arches: rows.map(({ name }) => name) } : {}),
    ...(code === undefined ? {} : { archCode: code }),
    ...(firmware === undefined ? {} : { firmware }),
    ...(isOurs === undefined ? {} : { isOurs }),
    stage,
    transport,
  }
  const archStep: Step = {
    rule: 'client.arch',
    outcome: `${arch?.name ?? 'unassigned'} (${found})`,
    from: 'packet',
    cite: 'RFC 4578 §2.1',
  }
  const stageStep: Step = {
    rule: 'client.stage',
    outcome: `${stage} (${sign})`,
    from: 'packet',
    cite: 'PXE 2.1 §2.2',
  }
  return { client, evidence: code === undefined ? [stageStep] : [archStep, stageStep] }
}

/** Option 93, which may name several, the preferred one first. Some old ROMs say it only in option 60, `Arch:00007`. */
function archCodes(message: DhcpMessage): { readonly codes: readonly number[]; readonly found: string } {
  const codes = clientArches(message)
  if (codes.length > 0) return { codes, found: `option 93 = ${codes.slice(0, 8).join(', ')}` }
  if (isBootp(message)) return { codes: [0], found: 'BOOTP, which only an old BIOS speaks' }
  const digits = /^(?:PXE|HTTP)Client:Arch:([0-9]{5})/.exec(vendorClass(message) ?? '')?.[1]
  return digits === undefined
    ? { codes: [], found: '' }
    : { codes: [Number(digits)], found: `option 60 says Arch:${digits}` }
}
