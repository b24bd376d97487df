import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { BootEvent } from '../model/event.ts'
import type { HeardServer } from '../model/host.ts'
import { adviseOn } from './foreign-advice.ts'
import { describeBoot } from './foreign-report.ts'
import type { ForeignServer } from './foreign-servers.ts'
import { attention } from './observe-dhcp.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import type { DhcpThought } from './think-dhcp.ts'

/** Another DHCP server that a client chose: told of in every mode. */
export function observeChosen(thought: DhcpThought, on: ServedNetwork, running: Running): void {
  const { ask, mac } = thought.client.lease
  const address = 'server' in ask ? ask.server : undefined
  if (address === undefined || isOurs(address, on, running)) return
  const now = running.now()
  const place = { network: on.network.name, address, ours: on.address }
  const server = running.foreign.chosen(place, mac, now)
  const event = { mac, detail: { because: 'a client named it in option 54' } }
  // Option 54 is the sender's word: a flood names a new server in every message.
  tell(server, event, { on, running, mayTell: () => attention(running, on, thought) > 0 })
}

/** Another server whose answer was heard: to a client, or to our probe. */
export function observeHeard(
  heard: HeardServer,
  on: Pick<ServedNetwork, 'network' | 'address'>,
  running: Running,
): void {
  const { address, asked } = heard
  if (asked === undefined ? isOurs(address, on, running) : isOwn(address, on, running)) return
  const now = running.now()
  const network = on.network.name
  const server = running.foreign.heard({ network, address, ours: on.address }, heard, now)
  const because = asked === undefined ? 'it answered a client' : 'it answered our probe'
  const who = `server ${formatIpv4(address)}`
  const mayTell = (): boolean => running.attention.note({ who, network, isKnown: false }, now) > 0
  tell(server, { detail: { ...factsOf(server), because } }, { on, running, mayTell })
}

interface Telling {
  readonly on: Pick<ServedNetwork, 'network' | 'address'>
  readonly running: Running
  /** Asked only when there is news: a flood is not told of. */
  readonly mayTell: () => boolean
}

function tell(
  server: ForeignServer,
  event: Pick<BootEvent, 'mac' | 'detail'>,
  { on, running, mayTell }: Telling,
): void {
  const now = running.now()
  const advice = adviseOn(server, on.network, on.address)
  const what = [server.kind ?? '', ...advice.map(({ code }) => code)].join(' ')
  if (!running.foreign.isNews(server, what, now) || !mayTell()) return
  running.foreign.told(server, what, now)
  running.timeline.emit({
    time: now,
    kind: 'dhcp.foreign',
    network: on.network.name,
    ...event,
    detail: {
      server: formatIpv4(server.address),
      ...event.detail,
      ...(advice.length === 0 ? {} : { warning: advice.map(({ text }) => text).join('; ') }),
    },
  })
}

function factsOf({ kind, mac, boot }: ForeignServer): Readonly<Record<string, string>> {
  return {
    ...(kind === 'proxy' ? { kind } : {}),
    ...(mac === undefined ? {} : { from: mac }),
    ...(boot === undefined ? {} : { offers: describeBoot(boot) }),
  }
}

type Place = Omit<ServedNetwork, 'interface'>

/** A relay may stand in for us (option 82.11, RFC 5107), but not before our probe, which we never answer. */
function isOurs(address: Ipv4, on: Place, running: Running): boolean {
  const isRelay = ({ network }: Pick<Place, 'network'>): boolean => network.relays.includes(address)
  return isOwn(address, on, running) || isRelay(on) || (on.link ?? []).some(isRelay)
}

function isOwn(address: Ipv4, { address: ours, link = [] }: Place, { isOwnAddress }: Running): boolean {
  return address === ours || link.some((subnet) => subnet.address === address) || isOwnAddress(address)
}
