/** Two machines on a network that say one node's serial number or UUID when they ask for their scripts: neither is it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answerHttp } from '../../src/app/answer-http.ts'
import { toHex } from '../../src/lib/text.ts'
import { ip } from '../helpers/world.ts'
import { type YamlScene, yamlScene } from '../helpers/yaml-scene.ts'

const UUID = '12345678-1234-5678-9abc-000000000001'
const CONFIG = `networks:
  - {name: a, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199, lease: 1h}
images: {debian: {kernel: /srv/vmlinuz}}
profiles: {worker: {image: debian}}
nodes:
  - {name: db, uuid: ${UUID}, serial: SN-0001, profile: worker}
  - {name: other, mac: "52:54:00:aa:00:03", profile: worker}
`
const [FIRST, SECOND, OTHER] = ['52:54:00:aa:00:01', '52:54:00:aa:00:02', '52:54:00:aa:00:03'] as const
const SERIAL = { serial: toHex(new TextEncoder().encode('SN-0001')) }

/** Without a UUID. */
async function lease(scene: YamlScene, mac: string): Promise<string> {
  const offer = await scene.send(mac, { type: 'DISCOVER' })
  assert.ok(offer)
  const requested = offer.message.yiaddr
  const ack = await scene.ask(mac, { type: 'REQUEST', requested, server: ip('10.77.0.1') })
  return /ACK (\S+)/.exec(ack)?.[1] ?? assert.fail(ack)
}

/** The title of its script. */
async function script(
  { running, on }: YamlScene,
  mac: string,
  peer: string,
  says: Record<string, string> = {},
) {
  const path = `/boot/${mac.replaceAll(':', '-')}.ipxe`
  const request = { method: 'GET', path, query: new URLSearchParams(says), peer, readBody: async () => '' }
  const answer = await answerHttp(request, on('a'), running, () => ({ version: '0', items: [], foreign: [] }))
  assert.ok(answer.kind === 'text')
  return /^echo Centra PXE: (.*)/m.exec(answer.body)?.[1] ?? answer.body
}

describe('a serial number or UUID that two machines say', () => {
  for (const [name, says, again] of [
    ['serial number', SERIAL, { serial: toHex(new TextEncoder().encode(' sn-0001')) }],
    ['UUID', { uuid: UUID }, { uuid: '78563412-3412-7856-9abc-000000000001' }],
  ] as const)
    test(`${name}: the second boots nothing of the node, the first no more, until one lease ends`, async () => {
      const scene = await yamlScene(CONFIG)
      const first = await lease(scene, FIRST)
      assert.equal(await script(scene, FIRST, first, says), 'db: worker (debian)')
      scene.there.after(1_800_000)
      const second = await lease(scene, SECOND)
      const clone = (mac: string) =>
        `local disk, nobody can tell which machine this is: ${mac} has a lease and is db as well`
      assert.equal(await script(scene, SECOND, second, again), clone(FIRST))
      assert.equal(await script(scene, SECOND, second), clone(FIRST), 'Try again')
      assert.equal(await script(scene, FIRST, first, says), clone(SECOND))
      scene.there.after(1_800_001)
      assert.equal(await script(scene, SECOND, second, again), 'db: worker (debian)')
    })

  test('a described machine that says it is a rival, whatever its card tells', async () => {
    const scene = await yamlScene(CONFIG)
    const other = await lease(scene, OTHER)
    const both = "it shows what is other's and what is db's"
    assert.match(await script(scene, OTHER, other, SERIAL), new RegExp(both))
    const first = await lease(scene, FIRST)
    assert.match(
      await script(scene, FIRST, first, SERIAL),
      new RegExp(`${OTHER} has a lease and is db as well`),
    )
  })

  test('a shared adapter is none, by which the machine booted before', async () => {
    const scene = await yamlScene(`${CONFIG}sharedAdapters: ["${SECOND}"]\n`)
    const adapter = await lease(scene, SECOND)
    assert.equal(await script(scene, SECOND, adapter, SERIAL), 'db: worker (debian)')
    const first = await lease(scene, FIRST)
    assert.equal(await script(scene, FIRST, first, SERIAL), 'db: worker (debian)')
  })

  test('one that says another serial number by now is none either', async () => {
    const scene = await yamlScene(CONFIG)
    const first = await lease(scene, FIRST)
    assert.equal(await script(scene, FIRST, first, SERIAL), 'db: worker (debian)')
    await script(scene, FIRST, first, { serial: toHex(new TextEncoder().encode('SN-0009')) })
    const second = await lease(scene, SECOND)
    assert.equal(await script(scene, SECOND, second, SERIAL), 'db: worker (debian)')
  })
})
