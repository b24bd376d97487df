import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, network, pool, world } from '../../test/helpers/world.ts'
import type { Config } from '../model/config.ts'
import { PlanError, planMachines } from './plan.ts'

const NOTHING = { nodes: [], unknown: 0, plainPxe: [] } as const

/** The two nodes of the contract's lab.yaml, and a second network. */
function config(changes: Partial<Config> = {}): Config {
  const lab = world().labNodes().config()
  const storage = network('10.78.0.0/24', {
    name: 'storage',
    interface: 'stor0',
    pools: pool('10.78.0.1-10.78.0.9'),
  })
  return { ...lab, networks: [...lab.networks, storage], ...changes }
}

function planned(
  wishes: Partial<Parameters<typeof planMachines>[1]>,
  of: Config = config(),
): readonly string[] {
  const { machines } = planMachines(of, { ...NOTHING, ...wishes })
  return machines.map(({ name, mac, firmware, network: on }) => [name, mac, firmware, on].join(' '))
}

test('every node, or those asked for; BIOS or UEFI by the place in the configuration', () => {
  assert.deepEqual(planned({}), [
    'node01 52:54:00:77:00:01 bios provisioning',
    'node02 52:54:00:77:00:02 uefi provisioning',
  ])
  assert.deepEqual(planned({ nodes: ['node02'] }), ['node02 52:54:00:77:00:02 uefi provisioning'])
  assert.deepEqual(planned({ nodes: ['node02'], firmware: 'bios' }), [
    'node02 52:54:00:77:00:02 bios provisioning',
  ])
})

test('unknown machines: on every network in turn, alone unless nodes are named', () => {
  assert.deepEqual(planned({ unknown: 2 }), [
    'unknown-1 52:54:00:1a:b0:01 bios provisioning',
    'unknown-2 52:54:00:1a:b0:02 uefi storage',
  ])
  assert.equal(planned({ unknown: 1, nodes: ['node01'] }).length, 2)
})

test('a reservation says on which network a node is', () => {
  const [node01, node02] = config().nodes
  assert.ok(node01 !== undefined && node02 !== undefined)
  const moved = config({ nodes: [{ ...node01, address: ip('10.78.0.50') }, node02] })
  assert.deepEqual(planned({}, moved)[0], 'node01 52:54:00:77:00:01 bios storage')
})

test('bridges: our address, or the router, or a free one', () => {
  const { bridges } = planMachines(config(), NOTHING)
  assert.deepEqual(bridges, [
    { network: 'provisioning', name: 'prov0', address: '10.77.0.1', prefix: 24 },
    { network: 'storage', name: 'stor0', address: '10.78.0.10', prefix: 24 },
  ])
})

test('what cannot be is refused, with what to do', () => {
  const [node01] = config().nodes
  assert.ok(node01 !== undefined)
  const off = config().networks.map((one) => ({ ...one, dhcp: 'off' as const }))
  for (const [wishes, of, words] of [
    [{ nodes: ['node09'] }, config(), /there is no node node09/],
    [{}, config({ nodes: [] }), /describes no node to boot; --unknown 1/],
    [{}, config({ networks: [] }), /has no network with an interface/],
    [{}, config({ networks: off }), /dhcp: off gives it no address/],
    [{ unknown: 1 }, config({ networks: off }), /no network with DHCP/],
    [{ unknown: 65 }, config(), /at most 64/],
    [{ unknown: 1 }, config({ nodes: [{ ...node01, name: 'unknown-1' }] }), /is named unknown-1/],
    [{}, config({ nodes: [{ ...node01, name: 'state' }] }), /the lab's own file/],
    [{}, config({ networks: config().networks.map((one) => ({ ...one, interface: 'lo' })) }), /is on lo/],
    [{ plainPxe: ['node02'] }, config(), /is a UEFI machine/],
    [{ plainPxe: ['node09'] }, config(), /there is no machine node09 in this run/],
  ] as const)
    assert.throws(
      () => planMachines(of, { ...NOTHING, ...wishes }),
      (error: Error) => error instanceof PlanError && words.test(error.message),
      String(words),
    )
})
