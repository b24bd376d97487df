import type { BootClient, BootRequest, Decision } from '../boot/decision.ts'
import { isBelieved } from '../boot/match-node.ts'
import type { Mac } from '../lib/mac.ts'
import type { NodeKey } from '../model/node-keys.ts'
import type { DhcpSender } from './evidence.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'
import type { DhcpThought } from './think-dhcp.ts'

/** What only DHCP shows of a machine. True: nobody may act on the answer before it is on disk, see {@link kept}. */
export function rememberShown({ match, client, on }: DhcpThought, running: Running): boolean {
  const { recognised, picture, leases } = running
  const { node, by, conflict } = match
  const { client: shown } = client.boot
  const { mac } = shown
  const { mac: key, card } = client.lease
  const isShared = picture.config.sharedAdapters.has(mac)
  // Whom nobody knows by its MAC is nobody without what is kept of it.
  const isOurs = picture.nodes.has(mac) || leases.hasLeased(on.network.name, mac)
  recognised.noteStanding(mac, isOurs)
  const isNode =
    node !== undefined &&
    by !== undefined &&
    by !== 'mac' &&
    !isShared &&
    recognised.note(mac, { node: node.name, by, key: keyOf(by, shown) })
  const isShown =
    shown.stage !== 'os' && recognised.noteShown(mac, believed(shown, on, running), senderOf(client))
  if (card !== undefined) recognised.noteCard(key, card)
  if (!isNode && !isShown) return false
  keep(mac, on, running, node !== undefined || conflict !== undefined)
  return conflict !== undefined && isOurs && mayWait(mac, running)
}

/** Who shows something else with every message may not keep the disk busy: the last of it is written within a second. */
function mayWait(mac: Mac, { keepRate, now }: Running): boolean {
  return keepRate.take(mac, now())
}

function keyOf(
  by: NodeKey,
  { clientId, port, uuid }: BootClient,
): Pick<BootClient, 'clientId' | 'port' | 'uuid'> {
  if (by === 'client-id' && clientId !== undefined) return { clientId }
  if (by === 'relay-port' && port !== undefined) return { port }
  return by === 'uuid' && uuid !== undefined ? { uuid } : {}
}

/** GRUB's `net_bootp` is no firmware, though it needs as little as a ROM. */
function senderOf({ type, boot: { client } }: DhcpThought['client']): DhcpSender {
  return {
    isFirmware: client.stage === 'rom' && client.firmware !== 'grub',
    begins: type === 'DISCOVER' || type === 'BOOTP',
  }
}

/** Only what a relay that is listed added counts of option 82. */
function believed(
  { port, ...shown }: BootClient,
  { network }: ServedNetwork,
  { picture: { config } }: Running,
): BootClient {
  return port !== undefined && isBelieved(port, network, config) ? { ...shown, port } : shown
}

/** The keys of the query in which iPXE says all that it knows of its machine, whether it has a value or none. */
const WHOLE = ['uuid', 'serial', 'asset'] as const

/** What a machine says of itself when it asks for its script from its own lease, `own`; anybody else changes nothing. True: news. */
export function rememberSaid(
  { client }: BootRequest,
  query: URLSearchParams,
  own: Mac | undefined,
  { recognised }: Running,
): boolean {
  if (own === undefined || own !== client.mac || query.size === 0) return false
  recognised.noteStanding(own, true)
  return recognised.noteSaid(
    own,
    client,
    WHOLE.every((key) => query.has(key)),
  )
}

/** After the decision about a request that was news: on disk when this resolves, where the machine would be somebody without. */
export async function keepSaid(
  { node, conflict }: Decision,
  own: Mac | undefined,
  on: ServedNetwork,
  running: Running,
): Promise<void> {
  if (own === undefined) return
  keep(own, on, running, node !== undefined || conflict !== undefined)
  if (conflict !== undefined && mayWait(own, running)) await kept(running)
}

/** What was remembered is on disk when this resolves. A disk that refuses is told of by the store: memory has it. */
export async function kept({ store }: Running): Promise<void> {
  await store.flush().catch(() => {})
}

/** Of machines that nobody describes nothing is kept. */
function keep(mac: Mac, { network }: ServedNetwork, running: Running, isDescribed: boolean): void {
  const { seen, recognised } = running
  if (isDescribed || seen.hasEvidence(mac))
    seen.note(mac, network.name, running.now(), { evidence: recognised.evidenceOf(mac) ?? {} })
}
