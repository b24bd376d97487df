import { LeaseTable } from '../address/lease-table.ts'
import { decide } from '../boot/decide.ts'
import type { Action } from '../boot/decision.ts'
import { type SupposedClient, supposeRequest } from '../boot/suppose.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import { macWithDashes } from '../lib/mac.ts'
import type { Network } from '../model/config.ts'
import type { Explanation } from '../model/explanation.ts'
import { isStable } from '../model/rules.ts'
import type { Script } from '../model/script.ts'
import { renderScript } from '../render/script.ts'
import { thinkAddress, thinkProxy } from './think-dhcp.ts'
import { type Picture, worldAt } from './world.ts'

/** A client that need not exist, and where it asks. */
export interface Supposed extends SupposedClient {
  readonly network: Network
  /** Ours on that network. */
  readonly server: Ipv4
}

/** What a client would be answered, by the same functions that answer real ones. `now` in milliseconds since 1970. */
export function explain(supposed: Supposed, picture: Picture, now: number): Explanation {
  const { mac, network } = supposed
  const common = { request: describeRequest(supposed), mac }
  const ingress = { network: network.name, server: supposed.server }
  const request = supposeRequest(supposed, ingress)
  if (!request.ok) return { ...common, steps: [], answer: `no answer: ${request.error}`, stable: true }
  const world = worldAt(picture, new LeaseTable(), now)
  const decision = decide(request.value, world)
  const asks = supposed.via === 'dhcp' && decision.action.kind !== 'ignore'
  const on = { network, address: supposed.server }
  const ask = { kind: 'discover' } as const
  const lease = asks && network.dhcp !== 'proxy' ? thinkAddress({ ask, mac }, on, picture, world) : undefined
  const { client } = request.value
  const proxy =
    asks && network.dhcp === 'proxy' ? thinkProxy({ type: 'DISCOVER', ask, client }, decision, on) : undefined
  const { action } = decision
  return {
    ...common,
    ...(decision.node === undefined ? {} : { node: decision.node }),
    steps: [...decision.trace, ...(lease?.trace ?? []), ...(proxy?.trace ?? [])],
    answer:
      proxy?.answer.kind === 'silent'
        ? `no answer: ${proxy.answer.reason}`
        : describeAction(action, supposed.server),
    stable: isStable(decision.trace),
    ...(lease?.answer.kind === 'offer' ? { address: formatIpv4(lease.answer.lease.address) } : {}),
    ...(network.dhcp === 'server' || network.dhcp === 'proxy' || supposed.via !== 'dhcp'
      ? {}
      : { mode: silentMode(network) }),
    ...(action.kind === 'script' ? { script: renderScript(action.script, supposed.form) } : {}),
  }
}

function describeRequest({ via, network, server, mac, form, choice, failed }: Supposed): string {
  const where = network.interface === undefined ? network.name : network.interface
  const asked = [
    ...(choice === undefined ? [] : [`choice=${choice}`]),
    ...(failed === undefined ? [] : [`failed=${failed.step}`]),
  ]
  const query = asked.length === 0 ? '' : `?${asked.join('&')}`
  return via === 'dhcp'
    ? `DISCOVER, dhcp: ${network.dhcp} on ${where} (${formatIpv4(server)})`
    : `GET /boot/${macWithDashes(mac)}.${form}${query}`
}

function silentMode({ dhcp }: Network): string {
  return dhcp === 'off' ? 'dhcp: off, no DHCP here' : `dhcp: ${dhcp}, nothing is sent; set dhcp: server`
}

function describeAction(action: Action, server: Ipv4): string {
  switch (action.kind) {
    case 'boot-file':
      return action.url === undefined
        ? `boot-file ${action.file.name} over ${action.over} from ${formatIpv4(server)}`
        : `boot-file ${action.url}`
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
