/** Which node a machine is by all that it shows, and when nobody can tell: then it boots nothing of any node. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { worldAt } from '../../src/app/world.ts'
import { classifyScript } from '../../src/boot/classify-http.ts'
import { decide } from '../../src/boot/decide.ts'
import type { Decision } from '../../src/boot/decision.ts'
import { toHex } from '../../src/lib/text.ts'
import { ip } from '../helpers/world.ts'
import { type YamlScene, yamlScene } from '../helpers/yaml-scene.ts'

const NETWORK =
  'networks:\n  - {name: a, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199}\n'
const PROFILE =
  'images: {debian: {kernel: /srv/vmlinuz}}\nprofiles: {worker: {image: debian}, vault: {image: debian}}\n'
const [MAC1, MAC2, FOREIGN] = ['52:54:00:aa:00:01', '52:54:00:aa:00:02', '52:54:00:aa:00:09']
const [UUID1, UUID2, OTHER] = [1, 2, 3].map((n) => `12345678-1234-5678-9abc-00000000000${n}`)
const NODES = `nodes:
  - {name: one, mac: "${MAC1}", uuid: ${UUID1}, serial: "SN-0001", assetTag: "A1", profile: worker, address: 10.77.0.11}
  - {name: two, mac: "${MAC2}", uuid: ${UUID2}, serial: "SN-0002", assetTag: "A2", profile: vault, address: 10.77.0.12}
`

interface Shown {
  readonly mac: string
  readonly uuid?: string | undefined
  readonly serial?: string | undefined
  readonly asset?: string | undefined
}

/** What the machine's script request is answered. */
function script({ running }: YamlScene, { mac, uuid, serial, asset }: Shown): Decision {
  const query = new URLSearchParams({
    ...(uuid === undefined ? {} : { uuid }),
    ...(serial === undefined ? {} : { serial: toHex(new TextEncoder().encode(serial)) }),
    ...(asset === undefined ? {} : { asset: toHex(new TextEncoder().encode(asset)) }),
  })
  const asked = classifyScript(`${mac.replaceAll(':', '-')}.ipxe`, query, {
    network: 'a',
    server: ip('10.77.0.1'),
  })
  assert.ok(asked.ok)
  const { recognised } = running
  return decide(asked.value.boot, worldAt(running.picture, running.leases, running.now(), { recognised }))
}

/** `one: worker`, `conflict of one and two: local disk`, `nobody: menu`. */
function verdict({ action, node, conflict }: Decision): string {
  assert.equal(action.kind, 'script')
  const kind = action.kind === 'script' ? action.script.kind : ''
  const what = action.kind === 'script' && action.boots !== undefined ? action.boots.profile : kind
  const who = conflict === undefined ? (node ?? 'nobody') : `conflict of ${conflict.nodes.join(' and ')}`
  return `${who}: ${what}`
}

const CASES: readonly (readonly [string, Shown, string])[] = [
  ['all of one', { mac: MAC1, uuid: UUID1, serial: 'SN-0001', asset: 'A1' }, 'one: worker'],
  ['a MAC alone', { mac: MAC1 }, 'one: worker'],
  ['a changed network card', { mac: FOREIGN, uuid: UUID1, serial: 'SN-0001' }, 'one: worker'],
  ['serial number alone, padded, in another case', { mac: FOREIGN, serial: ' sn-0001 ' }, 'one: worker'],
  ['an asset tag alone', { mac: FOREIGN, asset: 'A1' }, 'nobody: menu'],
  ['the card of one in the machine two', { mac: MAC1, uuid: UUID2 }, 'conflict of two and one: local-disk'],
  ['the same, all of two', { mac: MAC1, uuid: UUID2, serial: 'SN-0002', asset: 'A2' }, 'two: vault'],
  [
    'a changed main board of one',
    { mac: MAC1, uuid: OTHER, serial: 'SN-0009' },
    'conflict of one: local-disk',
  ],
  ['a changed UUID of one alone', { mac: MAC1, uuid: OTHER, serial: 'SN-0001' }, 'one: worker'],
  [
    'UUID of one, serial number of two',
    { mac: FOREIGN, uuid: UUID1, serial: 'SN-0002' },
    'conflict of one and two: local-disk',
  ],
  ['a UUID that many have', { mac: MAC1, uuid: '03000200-0400-0500-0006-000700080009' }, 'one: worker'],
  ['a serial number that many have', { mac: MAC1, serial: 'To be filled by O.E.M.' }, 'one: worker'],
  ['nothing of anybody', { mac: FOREIGN, uuid: OTHER, serial: 'X' }, 'nobody: menu'],
]

describe('what a machine shows is weighed', () => {
  for (const [name, shown, expected] of CASES)
    test(name, async () =>
      assert.equal(verdict(script(await yamlScene(NETWORK + PROFILE + NODES), shown)), expected),
    )

  test('evidence and score are in the trace, and the screen says why it is the local disk', async () => {
    const scene = await yamlScene(NETWORK + PROFILE + NODES)
    const { trace, action } = script(scene, { mac: MAC1, uuid: UUID2, serial: 'SN-0001' })
    assert.deepEqual(
      trace.filter(({ rule }) => rule.startsWith('node.')).map(({ rule, outcome }) => `${rule}: ${outcome}`),
      [
        `node.conflict: one by mac + serial (SN-0001) less another uuid, score 70; two by uuid (${UUID2}) less another serial, score 20`,
      ],
    )
    assert.ok(action.kind === 'script' && action.script.kind === 'local-disk')
    assert.equal(
      action.script.because,
      "nobody can tell which machine this is: it shows what is one's and what is two's",
    )
    const same = script(scene, { mac: MAC1, uuid: UUID1, serial: 'SN-0001', asset: 'A2' })
    assert.deepEqual(
      same.trace
        .filter(({ rule }) => rule.startsWith('node.'))
        .map(({ rule, outcome }) => `${rule}: ${outcome}`),
      [
        `node.match: one by mac + uuid (${UUID1}) + serial (SN-0001) less another asset-tag, score 140`,
        'node.outvoted: two by asset-tag (A2) less another uuid and serial, score -40',
      ],
    )
  })
})

test('a UUID copied to a second machine: none of the two boots while both are there, one does again once it is alone', async () => {
  const scene = await yamlScene(
    `${NETWORK}${PROFILE}nodes: [{name: board, uuid: ${UUID1}, profile: worker}]\n`,
  )
  const option97 = {
    options: [
      {
        code: 97,
        data: Uint8Array.of(0, 0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0x78, 0x56, 0x9a, 0xbc, 0, 0, 0, 0, 0, 1),
      },
    ],
  }
  const take = (mac: string, last: number) =>
    scene.ask(mac, { type: 'REQUEST', requested: ip(`10.77.0.${last}`), ...option97 })
  assert.match(await take(MAC1, 100), /^ACK/)
  assert.equal(verdict(script(scene, { mac: MAC1, uuid: UUID1 })), 'board: worker')
  assert.match(await take(MAC2, 101), /^ACK/)
  for (const mac of [MAC1, MAC2]) {
    assert.equal(verdict(script(scene, { mac, uuid: UUID1 })), 'conflict of board: local-disk')
    assert.equal(verdict(script(scene, { mac })), 'conflict of board: local-disk', 'and by its MAC alone')
  }
  await scene.ask(MAC2, { type: 'RELEASE', ciaddr: ip('10.77.0.101'), server: ip('10.77.0.1') })
  assert.equal(verdict(script(scene, { mac: MAC1, uuid: UUID1 })), 'board: worker')
})

test('what its firmware showed over DHCP counts for a loader that asks by its MAC alone', async () => {
  const scene = await yamlScene(NETWORK + PROFILE + NODES)
  const uuid = (last: number) => ({
    options: [
      {
        code: 97,
        data: Uint8Array.of(
          0,
          0x78,
          0x56,
          0x34,
          0x12,
          0x34,
          0x12,
          0x78,
          0x56,
          0x9a,
          0xbc,
          0,
          0,
          0,
          0,
          0,
          last,
        ),
      },
    ],
  })
  const rom = { stage: 'rom' } as const
  await scene.ask(MAC1, { type: 'DISCOVER', ...uuid(2) }, rom)
  assert.equal(verdict(script(scene, { mac: MAC1 })), 'conflict of two and one: local-disk')
  await scene.ask(MAC1, { type: 'DISCOVER', ...uuid(1) }, rom)
  assert.equal(verdict(script(scene, { mac: MAC1 })), 'one: worker', 'the card is in its own machine again')
  await scene.ask(MAC1, { type: 'DISCOVER', ...uuid(2) })
  assert.equal(verdict(script(scene, { mac: MAC1 })), 'one: worker', 'an operating system may show anything')
})

test('an adapter that goes from machine to machine tells none of them', async () => {
  const scene = await yamlScene(`${NETWORK}${PROFILE}sharedAdapters: ["${FOREIGN}"]\n${NODES}`)
  assert.equal(verdict(script(scene, { mac: FOREIGN, uuid: UUID1 })), 'one: worker')
  assert.equal(verdict(script(scene, { mac: FOREIGN, uuid: UUID2 })), 'two: vault')
  assert.equal(verdict(script(scene, { mac: FOREIGN })), 'nobody: menu')
})

test('no mixture of what two nodes have boots either, but with two more signs for one', async () => {
  const scene = await yamlScene(NETWORK + PROFILE + NODES)
  const of = <T>(...values: readonly T[]) => fc.constantFrom(...values)
  const shown = fc.record({
    mac: of(MAC1, MAC2, FOREIGN),
    uuid: of(UUID1, UUID2, OTHER, undefined),
    serial: of('SN-0001', 'SN-0002', 'SN-0003', undefined),
    asset: of('A1', 'A2', undefined),
  })
  let booted = 0
  fc.assert(
    fc.property(shown, (machine) => {
      const { action, node } = script(scene, machine)
      if (action.kind !== 'script' || action.boots === undefined) return
      booted += 1
      const own = (n: number): number =>
        [
          machine.mac === [MAC1, MAC2][n],
          machine.uuid === [UUID1, UUID2][n],
          machine.serial === `SN-000${n + 1}`,
        ].filter(Boolean).length
      const [mine, others] = node === 'one' ? [own(0), own(1)] : [own(1), own(0)]
      assert.ok(mine >= 1 && mine > others, JSON.stringify({ machine, node }))
    }),
    { seed: 6, numRuns: 500 },
  )
  assert.ok(booted > 50)
})
