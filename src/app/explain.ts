import { LeaseTable } from '../address/lease-table.ts'
import { decide } from '../boot/decide.ts'
import { sendSecurely } from '../boot/node-plane.ts'
import { type SupposedClient, supposeMessage, supposeScript } from '../boot/suppose.ts'
import type { Ipv4 } from '../lib/ipv4.ts'
import { macWithDashes } from '../lib/mac.ts'
import type { LinkSubnet, Network } from '../model/config.ts'
import type { Explanation } from '../model/explanation.ts'
import type { LeaseView } from '../model/lease.ts'
import { isStable } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { renderScript } from '../render/script.ts'
import { describeAction } from './describe-answer.ts'
import { explainMessage } from './explain-dhcp.ts'
import type { RecognisedMachines } from './recognised.ts'
import { type Memory, type Picture, worldAt } from './world.ts'

/** A client that need not exist, and where it asks. */
export interface Supposed extends SupposedClient {
  readonly network: Network
  /** Ours on that network. */
  readonly server: Ipv4
  /** The subnets of its link, where there are several. */
  readonly link?: readonly LinkSubnet[]
  /** The port of ours that it asks over DHCP; 67 unless told. */
  readonly port?: number
}

/** What a server knows beside its configuration; as if it had just begun where nothing is said. */
export interface KnownState {
  readonly leases?: LeaseView
  /** For a client that asks from its own lease. */
  readonly intents?: Memory['intents']
  /** What a client says of itself goes in here, as the server would note it. */
  readonly recognised?: RecognisedMachines
}

/** What a client would be answered, by the same functions that answer real ones. `now` in milliseconds since 1970. */
export function explain(
  supposed: Supposed,
  picture: Picture,
  now: number,
  { leases = new LeaseTable(), intents, recognised }: KnownState = {},
): Explanation {
  if (supposed.via === 'http') {
    noteSaid(supposed, recognised)
    return explainScript(supposed, worldAt(picture, leases, now, { intents, recognised }), picture)
  }
  const { network, server, link, port } = supposed
  return explainMessage(
    encodeDhcp4(supposeMessage(supposed)),
    { network, address: server, ...(link === undefined ? {} : { link }) },
    {
      ...{ picture, leases, now: () => now },
      ...(recognised === undefined ? {} : { recognised }),
      ...(intents === undefined ? {} : { intents }),
    },
    port === undefined ? {} : { port },
  ).explanation
}

/** As a request from its own lease, which says all that it knows where it says anything. */
function noteSaid({ mac, says = {} }: Supposed, recognised: RecognisedMachines | undefined): void {
  const { uuid, serial, asset } = says
  if (uuid === undefined && serial === undefined && asset === undefined) return
  recognised?.noteSaid(
    mac,
    {
      ...(uuid === undefined ? {} : { uuid: uuid.toLowerCase() }),
      ...(serial === undefined ? {} : { serial }),
      ...(asset === undefined ? {} : { assetTag: asset }),
    },
    true,
  )
}

function explainScript(supposed: Supposed, world: World, picture: Picture): Explanation {
  const { mac, network, server } = supposed
  const common = { request: describeGet(supposed), mac }
  const request = supposeScript(supposed, {
    network: network.name,
    server,
    ...(comesSecurely(supposed, picture) ? { secure: true } : {}),
  })
  if (!request.ok) return { ...common, steps: [], answer: `no answer: ${request.error}`, stable: true }
  const { action, trace, node } = decide(request.value, world)
  return {
    ...common,
    ...(node === undefined ? {} : { node }),
    steps: trace,
    answer: describeAction(action, server),
    stable: isStable(trace),
    ...(action.kind === 'script' ? { script: renderScript(action.script, supposed.form) } : {}),
  }
}

/** Scripts for iPXE are asked for where the DHCP answer sent it; GRUB speaks no TLS. */
function comesSecurely({ mac, network, form }: Supposed, { config, nodes }: Picture): boolean {
  const asked = { config, network: network.name, node: nodes.get(mac) }
  return form === 'ipxe' && sendSecurely('scripts', asked).secure
}

function describeGet({ mac, form, choice, failed }: Supposed): string {
  const asked = [
    ...(choice === undefined ? [] : [`choice=${choice}`]),
    ...(failed === undefined ? [] : [`failed=${failed.step}`]),
  ]
  const query = asked.length === 0 ? '' : `?${asked.join('&')}`
  return `GET /boot/${macWithDashes(mac)}.${form}${query}`
}
