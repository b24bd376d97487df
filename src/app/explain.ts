import { decideLease, type LeaseDecision } from '../address/decide-lease.ts'
import { LeaseTable } from '../address/lease-table.ts'
import { classifyDhcp } from '../boot/classify.ts'
import { classifyScript, type ScriptForm } from '../boot/classify-http.ts'
import { decide } from '../boot/decide.ts'
import type { Action, BootRequest, ClientStage, Decision } from '../boot/decision.ts'
import { supposeDiscover } from '../boot/suppose.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import { type Mac, macWithDashes } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import type { Network } from '../model/config.ts'
import type { Explanation } from '../model/explanation.ts'
import { isStable } from '../model/rules.ts'
import type { Script } from '../model/script.ts'
import type { World } from '../model/world.ts'
import type { ClientArch } from '../protocol/iana/arch.ts'
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
  const { mac, network } = supposed
  const common = { request: describeRequest(supposed), mac }
  const request = classify(supposed)
  if (!request.ok) return { ...common, steps: [], answer: `no answer: ${request.error}`, stable: true }
  const world = worldAt(picture, new LeaseTable(), now)
  const decision = decide(request.value, world)
  const lease = addressOf(supposed, decision, picture, world)
  const { action } = decision
  return {
    ...common,
    ...(decision.node === undefined ? {} : { node: decision.node }),
    steps: [...decision.trace, ...(lease?.trace ?? [])],
    answer: describeAction(action, supposed.server),
    stable: isStable(decision.trace),
    ...(lease?.answer.kind === 'offer' ? { address: formatIpv4(lease.answer.lease.address) } : {}),
    ...(network.dhcp === 'server' || supposed.via !== 'dhcp' ? {} : { mode: silentMode(network) }),
    ...(action.kind === 'script' ? { script: render(action.script, supposed.form) } : {}),
  }
}

/** The request as a server would read it off the wire. */
function classify(supposed: Supposed): Result<BootRequest, string> {
  const { mac, arch, via, choice, network, server, form } = supposed
  const ingress = { network: network.name, server }
  if (via === 'dhcp') {
    const client = classifyDhcp(supposeDiscover(supposed), ingress)
    return client.ok ? ok(client.value.boot) : err(client.error.reason)
  }
  const query = new URLSearchParams({ arch, ...(choice === undefined ? {} : { choice }) })
  const script = classifyScript(`${macWithDashes(mac)}.${form}`, query, ingress)
  return script.ok ? ok(script.value.boot) : script
}

function addressOf(
  supposed: Supposed,
  decision: Decision,
  picture: Picture,
  world: World,
): LeaseDecision | undefined {
  const { mac, via, network, server } = supposed
  if (via !== 'dhcp' || decision.action.kind === 'ignore') return undefined
  const node = world.nodes.get(mac)
  return decideLease(
    { ask: { kind: 'discover' }, mac },
    {
      network,
      server,
      reservations: picture.reservations,
      ...(node === undefined ? {} : { node }),
      leases: world.leases,
      now: world.now,
    },
  )
}

function render(script: Script, form: ScriptForm): string {
  return form === 'grub' ? renderGrub(script) : renderIpxe(script)
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
        ? describeScript(action.script)
        : `script boots ${action.boots.image} as ${action.boots.profile}`
    default:
      return action satisfies never
  }
}

function describeScript(script: Script): string {
  return script.kind === 'local-disk' ? `script local-disk: ${script.because}` : `script ${script.kind}`
}
