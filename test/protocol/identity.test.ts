/** Who a client is, from octets to octets: by MAC, option 61, the port of a relay, and UUID. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LeaseTable } from '../../src/address/lease-table.ts'
import { nodeOf } from '../../src/app/observe-http.ts'
import { thinkDhcp } from '../../src/app/think-dhcp.ts'
import { worldAt } from '../../src/app/world.ts'
import { classifyScript } from '../../src/boot/classify-http.ts'
import { decide } from '../../src/boot/decide.ts'
import { type SupposedMessage, supposeMessage } from '../../src/boot/suppose.ts'
import { fromHex, toHex } from '../../src/lib/text.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { clientIdentifier } from '../../src/protocol/dhcp4/options.ts'
import { ip, mac } from '../helpers/world.ts'
import { type YamlScene, yamlScene } from '../helpers/yaml-scene.ts'

const network = (more = ''): string =>
  `networks:\n  - {name: a, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199${more}}\n`
const [ONE, TWO, NOBODY] = ['52:54:00:aa:00:01', '52:54:00:aa:00:02', '00:00:00:00:00:00']
const discover = (parts: Partial<SupposedMessage> = {}): SupposedMessage => ({ type: 'DISCOVER', ...parts })
const hex = (digits: string): Uint8Array => fromHex(digits) ?? assert.fail(digits)
const option97 = (digits: string) => [{ code: 97, data: hex(digits) }]

describe('IPoIB (RFC 4390)', () => {
  const GUID = `ff00000000000002000002c900${'a1b2c3d4e5f6a7'}`
  const OTHER = `ff00000000000002000002c900${'a1b2c3d4e5f6a8'}`
  const infiniband = (message: DhcpMessage): DhcpMessage => ({
    ...message,
    htype: 32,
    hlen: 0,
    chaddr: new Uint8Array(16),
  })

  for (const identity of ['mac', 'client-id'])
    test(`I05: identity: ${identity}: option 61 identifies, the reply is broadcast, htype and hlen are copied`, async () => {
      assert.equal(hex(GUID).length, 20)
      const { ask, send, bound } = await yamlScene(network(`, identity: ${identity}`))
      const change = { edit: infiniband }
      const reply = await send(NOBODY, discover({ clientId: hex(GUID) }), change)
      assert.ok(reply)
      assert.deepEqual(
        [reply.type, reply.destination, reply.message.htype, reply.message.hlen],
        ['OFFER', { kind: 'broadcast' }, 32, 0],
      )
      assert.equal(toHex(clientIdentifier(reply.message) ?? new Uint8Array()), GUID)
      const select = { type: 'REQUEST', server: ip('10.77.0.1') } as const
      const first = { ...select, requested: ip('10.77.0.100'), clientId: hex(GUID) }
      assert.equal(await ask(NOBODY, first, change), 'ACK 10.77.0.100 of 10.77.0.1 by broadcast')
      assert.match(await ask(NOBODY, discover({ clientId: hex(OTHER) }), change), /^OFFER 10\.77\.0\.101 /)
      assert.match(await ask(NOBODY, discover({ clientId: hex(GUID) }), change), /^OFFER 10\.77\.0\.100 /)
      assert.equal(bound().length, 1)
    })

  test('I06: without option 61 silence, a counted reason and an event', async () => {
    const { ask, running, store } = await yamlScene(network())
    assert.equal(await ask(NOBODY, discover(), { edit: infiniband }), 'silence')
    const unanswered = running.counters.list().find(({ name }) => name === 'unanswered')
    assert.deepEqual(Object.fromEntries(unanswered?.values ?? []), { 'a no-identity': 1 })
    assert.deepEqual(
      store.events.map(({ kind, detail }) => `${kind} ${detail['reason']}`),
      ['dhcp.ignored hardware type 32 without an address, and no client identifier (option 61)'],
    )
  })

  test('hardware of another length is told apart by its address', async () => {
    const { ask } = await yamlScene(network())
    const eui64 = (last: number) => ({
      edit: (message: DhcpMessage): DhcpMessage => ({
        ...message,
        htype: 27,
        hlen: 8,
        chaddr: new Uint8Array(16).fill(last, 7, 8),
      }),
    })
    assert.equal(await ask(NOBODY, discover(), eui64(1)), 'OFFER 10.77.0.100 of 10.77.0.1 by broadcast')
    assert.match(await ask(NOBODY, discover(), eui64(2)), /^OFFER 10\.77\.0\.101 /)
    assert.match(await ask(NOBODY, discover(), eui64(1)), /^OFFER 10\.77\.0\.100 /)
  })
})

describe('identity:', () => {
  const ids = [hex('01aa'), hex('01bb')] as const
  const take = async (
    scene: YamlScene,
    client: string,
    clientId: Uint8Array,
    last: number,
  ): Promise<string> => scene.ask(client, { type: 'REQUEST', requested: ip(`10.77.0.${last}`), clientId })

  test('I01, I12: mac: one machine with several identifiers has one address', async () => {
    const { ask, ...scene } = await yamlScene(network())
    assert.match(await take({ ask, ...scene }, ONE, ids[0], 100), /^ACK 10\.77\.0\.100 /)
    assert.match(await ask(ONE, discover({ clientId: ids[1] })), /^OFFER 10\.77\.0\.100 /)
    assert.match(await ask(ONE, discover()), /^OFFER 10\.77\.0\.100 /)
  })

  test('client-id: two identifiers behind one MAC are two clients, one identifier on two cards is one', async () => {
    const scene = await yamlScene(network(', identity: client-id'))
    assert.match(await take(scene, ONE, ids[0], 100), /^ACK 10\.77\.0\.100 .* to 10\.77\.0\.100$/)
    assert.match(await take(scene, ONE, ids[1], 101), /^ACK 10\.77\.0\.101 /)
    assert.match(await scene.ask(TWO, discover({ clientId: ids[1] })), /^OFFER 10\.77\.0\.101 /)
    assert.match(await scene.ask(ONE, discover()), /^OFFER 10\.77\.0\.102 /, 'without option 61 by MAC')
    assert.equal(scene.bound().length, 2)
    assert.match(await take(scene, TWO, ids[0], 101), /^NAK /)
  })

  test("client-id: the reply goes to the card, and its transfers are the card's", async () => {
    const { send, running } = await yamlScene(network(', identity: client-id'))
    const reply = await send(ONE, { type: 'REQUEST', requested: ip('10.77.0.100'), clientId: ids[0] })
    assert.deepEqual(reply?.destination, { kind: 'link', address: ip('10.77.0.100'), mac: mac(ONE) })
    const lease = running.leases.ofAddress('a', ip('10.77.0.100'))
    assert.ok(lease)
    assert.notEqual(lease.mac, ONE)
    assert.equal(running.recognised.cardOf(lease.mac), ONE)
  })
})

describe('nodes by client identifier', () => {
  const NODES = `nodes:
  - {name: text, clientId: "rack1-node7", address: 10.77.0.11}
  - {name: octets, clientId: "0xFF0102", address: 10.77.0.12}
`
  for (const [digits, address] of [
    [toHex(new TextEncoder().encode('rack1-node7')), '10.77.0.11'],
    [`00${toHex(new TextEncoder().encode('rack1-node7'))}`, '10.77.0.11'],
    ['ff0102', '10.77.0.12'],
    ['00ff0102', '10.77.0.100'],
  ] as const)
    test(`0x${digits} gets ${address}`, async () => {
      const { ask } = await yamlScene(`${network()}${NODES}`)
      assert.match(await ask(ONE, discover({ clientId: hex(digits) })), new RegExp(`^OFFER ${address} `))
    })
})

const RELAYED = `networks:
  - {name: a, subnet: 10.77.0.0/24, address: 192.0.2.1, dhcp: server, pool: 10.77.0.100-10.77.0.199, relays: [10.77.0.254, 10.77.0.253]}
  - {name: open, subnet: 10.78.0.0/24, address: 192.0.2.1, dhcp: server, pool: 10.78.0.100-10.78.0.199}
nodes:
  - {name: web1, relayPort: {circuitId: "eth7", remoteId: "0x0006525400"}, address: 10.77.0.11, profile: worker}
  - {name: web2, relayPort: {circuitId: "eth7"}, address: 10.77.0.12}
  - {name: web3, relayPort: {circuitId: "eth8", relay: 10.77.0.253}, address: 10.77.0.13}
  - {name: own, mac: "${TWO}", address: 10.77.0.14}
images: {debian: {kernel: /srv/vmlinuz}}
profiles: {worker: {image: debian}}
`
const at = (circuit: string, parts: Partial<SupposedMessage> = {}): SupposedMessage => ({
  ...{ type: 'DISCOVER', giaddr: ip('10.77.0.254'), circuitId: new TextEncoder().encode(circuit) },
  ...parts,
})

/** What is told of who the client is. */
function evidence({ running, on }: YamlScene, client: string, message: SupposedMessage): readonly string[] {
  const supposed = {
    mac: mac(client),
    arch: 'uefi-x64',
    stage: 'os',
    via: 'dhcp',
    form: 'ipxe',
    message,
  } as const
  const thought = thinkDhcp(encodeDhcp4(supposeMessage(supposed)), on('a'), running)
  assert.ok(thought.ok)
  const { trace } = thought.value.boot
  return trace
    .filter(({ rule }) => rule.startsWith('node.'))
    .map(({ rule, outcome }) => `${rule}: ${outcome}`)
}

describe('nodes by the port of a relay', () => {
  test('the most exact description of the port counts', async () => {
    const scene = await yamlScene(RELAYED)
    const remote = { remoteId: hex('0006525400') }
    assert.match(
      await scene.ask(ONE, at('eth7', remote)),
      /^OFFER 10\.77\.0\.11 of 192\.0\.2\.1 .*to 10\.77\.0\.254$/,
    )
    assert.match(await scene.ask('52:54:00:aa:00:03', at('eth7')), /^OFFER 10\.77\.0\.12 /)
    assert.match(await scene.ask('52:54:00:aa:00:04', at('eth8')), /^OFFER 10\.77\.0\.100 /)
    assert.match(
      await scene.ask('52:54:00:aa:00:04', at('eth8', { giaddr: ip('10.77.0.253') })),
      /^OFFER 10\.77\.0\.13 /,
    )
    assert.deepEqual(evidence(scene, ONE, at('eth7', remote)), [
      'node.match: web1 by relay port (option 82.1 = eth7, option 82.2 = 0x0006525400, relay 10.77.0.254), score 50',
    ])
    assert.deepEqual(evidence(scene, ONE, at('eth9')), [
      'node.port: no node has option 82.1 = eth9, relay 10.77.0.254',
      `node.match: no node has ${ONE}`,
    ])
  })

  test('only relays that the network lists are believed', async () => {
    const scene = await yamlScene(RELAYED)
    assert.deepEqual(evidence(scene, ONE, at('eth7', { giaddr: ip('10.78.0.254') })), [
      'node.port: option 82.1 = eth7, relay 10.78.0.254 counts for nothing: added by 10.78.0.254, which relays: does not list',
      `node.match: no node has ${ONE}`,
    ])
    const direct = await yamlScene(
      RELAYED.replace('{name: a, subnet', '{name: a, interface: prov0, subnet').replace(
        '192.0.2.1',
        '10.77.0.1',
      ),
    )
    const { giaddr: _, ...snooped } = at('eth7')
    assert.match(await direct.ask(ONE, snooped), /^OFFER 10\.77\.0\.100 /)
    assert.deepEqual(evidence(direct, ONE, snooped), [
      'node.port: option 82.1 = eth7 counts for nothing: added by no relay',
      `node.match: no node has ${ONE}`,
    ])
  })

  test('a MAC of one node at the port of another: a conflict, in which the MAC keeps its address', async () => {
    const scene = await yamlScene(RELAYED)
    assert.match(await scene.ask(TWO, at('eth7')), /^OFFER 10\.77\.0\.14 /)
    assert.deepEqual(evidence(scene, TWO, at('eth7')), [
      'node.conflict: own by mac, score 60; web2 by relay port (option 82.1 = eth7, relay 10.77.0.254), score 50',
    ])
  })

  test("a renewal, which passes no relay, is still the node's; also by a server that was started since", async () => {
    const scene = await yamlScene(RELAYED)
    await scene.ask(ONE, at('eth7', { type: 'REQUEST', requested: ip('10.77.0.12') }))
    const renewal = { type: 'REQUEST', ciaddr: ip('10.77.0.12') } as const
    assert.match(await scene.ask(ONE, renewal), /^ACK 10\.77\.0\.12 /)
    assert.deepEqual(evidence(scene, ONE, renewal), ['node.match: web2 by relay-port, in an earlier message'])
    const later = await yamlScene(RELAYED)
    for (const lease of scene.running.leases.all()) later.running.leases.put(lease)
    assert.match(await later.ask(ONE, renewal), /^ACK 10\.77\.0\.12 /)
    assert.match(await later.ask(TWO, renewal), /^NAK /)
  })

  test('at another port it is another machine, whatever it showed before', async () => {
    const { ask } = await yamlScene(RELAYED)
    await ask(ONE, at('eth7', { type: 'REQUEST', requested: ip('10.77.0.12') }))
    assert.match(await ask(ONE, at('eth9')), /^OFFER 10\.77\.0\.100 /)
  })

  test("the log names the port as the configuration would; the script and the name are the node's", async () => {
    const { ask, store, running } = await yamlScene(RELAYED)
    await ask(ONE, at('eth7', { remoteId: hex('0006525400') }))
    const { relay, 'circuit-id': circuit, 'remote-id': remote } = store.events[0]?.detail ?? {}
    assert.deepEqual([relay, circuit, remote], ['10.77.0.254', 'eth7', '0x0006525400'])
    assert.deepEqual(nodeOf(mac(ONE), running), { node: 'web1' })
    const query = new URLSearchParams()
    const script = classifyScript(`${ONE.replaceAll(':', '-')}.ipxe`, query, {
      network: 'a',
      server: ip('192.0.2.1'),
    })
    assert.ok(script.ok)
    const world = worldAt(running.picture, new LeaseTable(), running.now(), {
      recognised: running.recognised,
    })
    const { node, trace } = decide(script.value.boot, world)
    assert.equal(node, 'web1')
    assert.ok(trace.some(({ rule, outcome }) => rule === 'profile.select' && outcome.startsWith('worker')))
  })
})

describe('nodes by UUID', () => {
  const NODES = `nodes:
  - {name: board, uuid: 12345678-1234-5678-9ABC-DEF012345678, address: 10.77.0.11}
  - {name: own, mac: "${TWO}", address: 10.77.0.14}
`
  const [LITTLE, BIG] = ['0078563412341278569abcdef012345678', '0012345678123456789abcdef012345678']
  for (const [name, digits, how] of [
    ['I07: option 97 of PC firmware is the machine', LITTLE, '12345678-1234-5678-9abc-def012345678'],
    [
      'I08: option 97 of U-Boot, big-endian, is the same machine',
      BIG,
      '78563412-3412-7856-9abc-def012345678, in the other byte order',
    ],
  ] as const)
    test(name, async () => {
      const scene = await yamlScene(`${network()}${NODES}`)
      const message = discover({ options: option97(digits) })
      assert.match(await scene.ask(ONE, message), /^OFFER 10\.77\.0\.11 /)
      assert.deepEqual(evidence(scene, ONE, message), [`node.match: board by uuid (${how}), score 50`])
    })

  test('a MAC keeps its address whatever UUID it shows, an unknown UUID changes nothing', async () => {
    const scene = await yamlScene(`${network()}${NODES}`)
    assert.match(await scene.ask(TWO, discover({ options: option97(LITTLE) })), /^OFFER 10\.77\.0\.14 /)
    const other = discover({ options: option97(`00${'1122'.repeat(8)}`) })
    assert.deepEqual(evidence(scene, ONE, other), [`node.match: no node has ${ONE}`])
  })

  test('its operating system, which shows no UUID, keeps its address', async () => {
    const scene = await yamlScene(`${network()}${NODES}`)
    await scene.ask(ONE, { type: 'REQUEST', requested: ip('10.77.0.11'), options: option97(LITTLE) })
    assert.match(await scene.ask(ONE, discover()), /^OFFER 10\.77\.0\.11 /)
    assert.deepEqual(evidence(scene, ONE, discover()), ['node.match: board by uuid, in an earlier message'])
  })
})
