import { otherByteOrder } from '../lib/uuid.ts'
import type { Config } from '../model/config.ts'
import { foldText, indexNodeKeys } from '../model/node-keys.ts'
import type { SeenMachine } from '../model/ports.ts'
import { indexNodes } from '../model/world.ts'

/**
 * Tells which node a machine of the database is: by its card, or else by the UUID, serial number, port or identifier that it showed.
 * Undefined for strangers, and for who is in conflict with a node.
 */
export function nodesOfMachines({
  nodes,
}: Pick<Config, 'nodes'>): (machine: SeenMachine) => string | undefined {
  const byCard = indexNodes(nodes)
  const { byName, bySerial, byUuid } = indexNodeKeys(nodes)
  return ({ mac, stage, evidence }) => {
    const own = byCard.get(mac)?.name
    if (own !== undefined || stage === 'conflict') return own
    const { serial = '', uuid = '' } = evidence?.smbios ?? {}
    const shown =
      byName.get(evidence?.node?.node ?? '') ?? byUuid.get(uuid) ?? byUuid.get(otherByteOrder(uuid))
    return (shown ?? bySerial.get(foldText(serial)))?.name
  }
}
