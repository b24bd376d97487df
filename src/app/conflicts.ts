import type { Conflict } from '../boot/decision.ts'
import { matchNode } from '../boot/match-node.ts'
import { ANY_ADDRESS } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Config } from '../model/config.ts'
import type { LeaseView } from '../model/lease.ts'
import { indexNodeKeys } from '../model/node-keys.ts'
import type { SeenMachine } from '../model/ports.ts'
import { indexNodes } from '../model/world.ts'
import { RecognisedMachines } from './recognised.ts'

/** A machine that a script request by its MAC alone would find in conflict. */
export interface NodeConflict extends Conflict {
  readonly mac: Mac
  readonly network: string
}

/** The conflicts in which a node is, by what was kept of machines. `seen`: the newest first. `now` in milliseconds since 1970. */
export function conflictsOf(
  name: string,
  {
    config,
    seen,
    leases,
  }: {
    readonly config: Config
    readonly seen: readonly SeenMachine[]
    readonly leases: LeaseView
  },
  now: number,
): readonly NodeConflict[] {
  const world = {
    ...{ config, leases, now },
    nodes: indexNodes(config.nodes),
    keys: indexNodeKeys(config.nodes),
    recognised: new RecognisedMachines(seen.toReversed()),
  }
  const told = new Map(seen.toReversed().map((machine) => [machine.mac, machine]))
  return [...told.values()].flatMap(({ mac, network }) => {
    const client = { mac, stage: 'ipxe', transport: 'http' } as const
    const asked = { via: 'http', question: { kind: 'run' }, client, evidence: [] } as const
    const { conflict } = matchNode({ ...asked, ingress: { network, server: ANY_ADDRESS } }, world)
    return conflict?.nodes.includes(name) === true ? [{ mac, network, ...conflict }] : []
  })
}
