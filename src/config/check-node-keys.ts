import { formatIpv4 } from '../lib/ipv4.ts'
import { otherByteOrder } from '../lib/uuid.ts'
import type { Config, RelayPort } from '../model/config.ts'
import { foldText } from '../model/node-keys.ts'
import { type Checked, type Place, problem, Register } from './places.ts'
import type { ConfigProblem } from './source.ts'

/** Each is enough to be known by. */
const KEYS = ['mac', 'clientId', 'relayPort', 'uuid', 'serial'] as const

/** What tells each machine from all others. */
export function checkNodeKeys({ config, nodes, incomplete }: Checked): readonly ConfigProblem[] {
  const macs = new Register('MAC address')
  const clientIds = new Register('client identifier')
  const ports = new Register('port')
  const uuids = new Register('UUID')
  const serials = new Register('serial number')
  const assetTags = new Register('asset tag')
  return config.nodes.flatMap((node, index) => {
    const place = nodes[index]
    if (place === undefined) return []
    const { relayPort, uuid, serial, assetTag, clientIds: identifiers = [] } = node
    const problems = node.macs.flatMap((mac, i) => [
      ...macs.take(mac, place, ['mac', i]),
      ...(config.sharedAdapters.has(mac)
        ? [problem(place, ['mac', i], `${mac} is among sharedAdapters:`)]
        : []),
    ])
    // Text stands for several: told of once.
    problems.push(...identifiers.flatMap((one) => clientIds.take(`0x${one}`, place, 'clientId')).slice(0, 1))
    if (relayPort !== undefined)
      problems.push(
        ...ports.take(describePort(relayPort), place, 'relayPort'),
        ...checkPort(relayPort, place, incomplete ? undefined : config),
      )
    if (uuid !== undefined) {
      // One machine in two byte orders.
      const first = [uuid, otherByteOrder(uuid)].toSorted()[0] ?? uuid
      problems.push(...uuids.take(first, place, 'uuid'))
    }
    if (serial !== undefined) problems.push(...serials.take(foldText(serial), place, 'serial'))
    if (assetTag !== undefined) problems.push(...assetTags.take(foldText(assetTag), place, 'assetTag'))
    if (!KEYS.some((key) => place.source.has([...place.path, key])))
      problems.push(
        problem(
          place,
          [],
          'nothing tells this machine from others: write mac:, clientId:, relayPort:, uuid: or serial:',
        ),
      )
    return problems
  })
}

function describePort({ relay, circuitId, remoteId }: RelayPort): string {
  return [
    ...(circuitId === undefined ? [] : [`circuitId 0x${circuitId}`]),
    ...(remoteId === undefined ? [] : [`remoteId 0x${remoteId}`]),
    ...(relay === undefined ? [] : [`relay ${formatIpv4(relay)}`]),
  ].join(' ')
}

/** `config` is absent where a part of it could not be read. */
function checkPort(
  { relay, circuitId, remoteId }: RelayPort,
  place: Place,
  config: Config | undefined,
): readonly ConfigProblem[] {
  const isWritten = ['circuitId', 'remoteId'].some((key) =>
    place.source.has([...place.path, 'relayPort', key]),
  )
  if (circuitId === undefined && remoteId === undefined && !isWritten)
    return [problem(place, 'relayPort', 'write circuitId:, remoteId: or both: a relay has many ports')]
  const listed = config?.networks.flatMap(({ relays }) => relays)
  if (listed === undefined) return []
  if (relay !== undefined && !listed.includes(relay))
    return [
      problem(place, ['relayPort', 'relay'], `${formatIpv4(relay)} is not among the relays: of any network`),
    ]
  if (listed.length > 0) return []
  const message = 'no network lists relays:, and the option 82 of any other is not believed'
  return [problem(place, 'relayPort', message, 'warning')]
}
