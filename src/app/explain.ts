import { decideLease } from '../address/decide-lease.ts'
import { LeaseTable } from '../address/lease-table.ts'
import type { ScriptForm } from '../boot/classify-http.ts'
import { decide } from '../boot/decide.ts'
import type { Action, BootRequest, ClientStage } from '../boot/decision.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import { type Mac, macWithDashes } from '../lib/mac.ts'
import type { Network } from '../model/config.ts'
import type { Explanation } from '../model/explanation.ts'
import { isStable, type Step } from '../model/rules.ts'
import { archOfName, type ClientArch } from '../protocol/iana/arch.ts'
import { renderGrub } from '../render/grub.ts'
import { renderIpxe } from '../render/ipxe.ts'
import { type Picture, worldAt } from './world.ts'

/** A client that need not exist. */
export interface Supposed {
  readonly mac: Mac
  readonly arch: ClientArch
  readonly via: 'dhcp' | 'http'
  readonly stage: ClientStage
  readonly choice?: string
  readonly form: ScriptForm
  readonly network: Network
  /** Ours on that network. */
  readonly server: Ipv4
}

/** What a client would be answered, by the same functions that answer real ones. `now` in milliseconds since 1970. */
export function explain(supposed: Supposed, picture: Picture, now: number): Explanation {
  const { mac, via, network, server } = supposed
  const world = worldAt(picture, new LeaseTable(), now)
  const decision = decide(requestOf(supposed), world)
  const node = world.nodes.get(mac)
  const asksAddress = via === 'dhcp' && decision.action.kind !== 'ignore'
  const lease = asksAddress
    ? decideLease(
        { ask: { kind: 'discover' }, mac },
        {
          network,
          server,
          reservations: picture.reservations,
          ...(node === undefined ? {} : { node }),
          leases: world.leases,
          now,
        },
      )
    : undefined
  const { action } = decision
  const steps: readonly Step[] = [...decision.trace, ...(lease?.trace ?? [])]
  const script =
    action.kind === 'script'
      ? supposed.form === 'grub'
        ? renderGrub(action.script)
        : renderIpxe(action.script)
      : undefined
  return {
    request: describeRequest(supposed),
    mac,
    ...(decision.node === undefined ? {} : { node: decision.node }),
    steps,
    answer: describeAction(action, server),
    stable: isStable(decision.trace),
    ...(lease?.answer.kind === 'offer' ? { address: formatIpv4(lease.answer.lease.address) } : {}),
    ...(network.dhcp === 'server' || via !== 'dhcp' ? {} : { mode: silentMode(network) }),
    ...(script === undefined ? {} : { script }),
  }
}

function requestOf({ mac, arch, via, stage, choice, network, server, form }: Supposed): BootRequest {
  const row = archOfName(arch)
  const transport = stage === 'ipxe' ? 'http' : (row?.transport ?? 'tftp')
  const evidence: readonly Step[] = [
    via === 'http'
      ? { rule: 'client.arch', outcome: `${arch} (query)`, from: 'packet' }
      : {
          rule: 'client.arch',
          outcome: `${arch} (option 93 = ${row?.code ?? '?'})`,
          from: 'packet',
          cite: 'RFC 4578 §2.1',
        },
    {
      rule: 'client.stage',
      outcome: via === 'http' ? `${form} (asks for its script)` : stage,
      from: 'packet',
    },
  ]
  return {
    via,
    question:
      via === 'dhcp' ? { kind: 'where-next' } : { kind: 'run', ...(choice === undefined ? {} : { choice }) },
    client: {
      mac,
      arch,
      stage: via === 'http' ? 'ipxe' : stage,
      transport: via === 'http' ? 'http' : transport,
    },
    ingress: { network: network.name, server },
    evidence,
  }
}

function describeRequest({ via, network, server, mac, form, choice }: Supposed): string {
  const where = network.interface === undefined ? network.name : network.interface
  return via === 'dhcp'
    ? `DISCOVER, dhcp: ${network.dhcp} on ${where} (${formatIpv4(server)})`
    : `GET /boot/${macWithDashes(mac)}.${form}${choice === undefined ? '' : `?choice=${choice}`}`
}

function silentMode({ dhcp }: Network): string {
  return dhcp === 'off' ? 'dhcp: off, no DHCP here' : `dhcp: ${dhcp}, nothing is sent; set dhcp: server`
}

function describeAction(action: Action, server: Ipv4): string {
  switch (action.kind) {
    case 'boot-file':
      return `boot-file ${action.file.name} over ${action.over} from ${formatIpv4(server)}`
    case 'script-url':
      return `script-url ${action.url}`
    case 'no-boot':
      return `no boot file: ${action.reason}`
    case 'ignore':
      return `no answer: ${action.reason}`
    case 'refuse':
      return `refused: ${action.reason}`
    case 'file':
      return `file ${action.file.name}`
    case 'script':
      return action.boots === undefined
        ? `script ${action.script.kind}`
        : `script boots ${action.boots.image} as ${action.boots.profile}`
    default:
      return action satisfies never
  }
}
