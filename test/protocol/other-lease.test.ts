/** An installer that speaks from another lease than its loader: with an identifier of its own, or by another card of the node. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answerHttp } from '../../src/app/answer-http.ts'
import { commandNode } from '../../src/app/node-commands.ts'
import { ip } from '../helpers/world.ts'
import { type YamlScene, yamlScene } from '../helpers/yaml-scene.ts'

const CONFIG = `networks:
  - {name: provisioning, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199}
images: {linux: {kernel: /srv/vmlinuz}}
profiles:
  debian: {image: linux, install: installer}
nodes:
  - {name: db, mac: ["52:54:00:00:00:01", "52:54:00:00:00:02"], profile: debian}
  - {name: other, mac: "52:54:00:00:00:03"}
`
const [CARD, SECOND, OTHER] = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03'] as const

async function ask({ running, on }: YamlScene, peer: string, path: string, body?: object) {
  const method = body === undefined ? 'GET' : 'POST'
  const request = {
    method,
    path,
    query: new URLSearchParams(),
    peer,
    readBody: async () => JSON.stringify(body),
  }
  const answer = await answerHttp(request, on('provisioning'), running, () => ({
    version: '0',
    items: [],
    foreign: [],
  }))
  assert.ok(answer.kind === 'text')
  return answer
}

/** With an identifier where one is given; the address. */
async function lease(scene: YamlScene, mac: string, clientId?: Uint8Array): Promise<string> {
  const own = clientId === undefined ? {} : { clientId }
  const offer = await scene.send(mac, { type: 'DISCOVER', ...own })
  assert.ok(offer)
  const requested = offer.message.yiaddr
  const ack = await scene.ask(mac, { type: 'REQUEST', requested, server: ip('10.77.0.1'), ...own })
  return /ACK (\S+)/.exec(ack)?.[1] ?? assert.fail(ack)
}

async function armed(config: string): Promise<{ scene: YamlScene; loader: string; nonce: string }> {
  const scene = await yamlScene(config)
  const loader = await lease(scene, CARD, Uint8Array.of(0, 1, 2, 3))
  assert.equal((await commandNode({ node: 'db', kind: 'install', id: 'c1' }, scene.running)).kind, 'done')
  const { body } = await ask(scene, loader, '/boot/52-54-00-00-00-01.ipxe')
  return { scene, loader, nonce: /centra\.nonce=([0-9a-f]{32})/.exec(body)?.[1] ?? assert.fail(body) }
}

/** It may write, and says that it has: what the server says, and whether it believes it. */
async function installs(scene: YamlScene, peer: string, nonce: string): Promise<string> {
  const { status } = await ask(scene, peer, '/v1/redeem/52-54-00-00-00-01', { nonce, run: 'a' })
  await ask(scene, peer, '/v1/report/52-54-00-00-00-01', { nonce, stage: 'installed' })
  return `${status} ${scene.store.events.findLast(({ kind }) => kind === 'report')?.detail['standing']}`
}

describe('an installer in another lease than its loader', () => {
  test('with an identifier of its own, where identifiers are what leases are for', async () => {
    const { scene, loader, nonce } = await armed(
      CONFIG.replace('dhcp: server', 'dhcp: server, identity: client-id'),
    )
    const own = await lease(scene, CARD, Uint8Array.of(255, 9, 9))
    assert.notEqual(own, loader)
    assert.equal(await installs(scene, own, nonce), '200 verified')
  })

  test('by another card of its node', async () => {
    const { scene, nonce } = await armed(CONFIG)
    assert.equal(await installs(scene, await lease(scene, SECOND), nonce), '200 verified')
    assert.equal(scene.running.intents.of('db')?.attempt?.ended?.stage, 'installed')
  })

  test('is no other machine that has the nonce, and none without a lease', async () => {
    const { scene, loader, nonce } = await armed(CONFIG)
    assert.equal(await installs(scene, await lease(scene, OTHER), nonce), '403 claimed')
    assert.equal(await installs(scene, '10.77.0.150', nonce), '403 claimed')
    assert.equal(await installs(scene, loader, nonce), '200 verified')
  })
})
