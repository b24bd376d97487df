import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NODE01, told, type WorldBuilder, world } from '../../test/helpers/world.ts'
import type { HttpsUse } from '../model/config.ts'
import { decide } from './decide.ts'

/** Where UEFI HTTP boot and iPXE are sent by DHCP. */
function sent(there: WorldBuilder): readonly (string | undefined)[] {
  const asks = [
    { stage: 'rom', arch: 'uefi-x64-http', firmware: 'uefi-http', transport: 'http' },
    { stage: 'ipxe', arch: 'uefi-x64' },
  ] as const
  return asks.map((client) => {
    const { action } = decide(there.asksDhcp(NODE01, client), there.build())
    return 'url' in action ? action.url : action.kind
  })
}

const LOADER = '10.77.0.1:8080/firmware/snponly.efi'
const SECURE_LOADER = '10.77.0.1:8443/firmware/snponly.efi'

test('https: says who is sent to the HTTPS port: firmware, iPXE, both, neither', () => {
  const rows: readonly (readonly [readonly HttpsUse[], string, string])[] = [
    [['reports'], `http://${LOADER}`, 'http://10.77.0.1:8080/boot.ipxe'],
    [['firmware'], `https://${SECURE_LOADER}`, 'http://10.77.0.1:8080/boot.ipxe'],
    [['scripts'], `http://${LOADER}`, 'https://10.77.0.1:8443/boot.ipxe'],
    [['firmware', 'scripts'], `https://${SECURE_LOADER}`, 'https://10.77.0.1:8443/boot.ipxe'],
  ]
  for (const [https, ...urls] of rows)
    assert.deepEqual(sent(world().https().network({ https })), urls, https.join())
})

test("a node's own https: comes before its network's", () => {
  const there = world()
    .https()
    .labNodes()
    .network({ https: ['firmware', 'scripts'] })
    .replaceNode('node01', { https: [] })
  assert.deepEqual(sent(there), [`http://${LOADER}`, 'http://10.77.0.1:8080/boot.ipxe'])
  const other = world()
    .https(443)
    .labNodes()
    .replaceNode('node01', { https: ['scripts'] })
  assert.deepEqual(sent(other), [`http://${LOADER}`, 'https://10.77.0.1:443/boot.ipxe'])
})

test('the reason names what decided; without HTTPS there is nothing to decide', () => {
  const ask = { stage: 'ipxe', arch: 'uefi-x64' } as const
  const steps = (there: WorldBuilder): readonly string[] =>
    told(decide(there.asksDhcp(NODE01, ask), there.build()).trace).filter((line) => line.startsWith('https'))
  assert.deepEqual(
    steps(
      world()
        .https()
        .network({ https: ['scripts', 'firmware'] }),
    ),
    ['https.use config: https: scripts, firmware (network provisioning): scripts over HTTPS'],
  )
  assert.deepEqual(
    steps(
      world()
        .https()
        .labNodes()
        .replaceNode('node01', { https: ['firmware'] }),
    ),
    ['https.use inventory: https: firmware (node node01): scripts over HTTP'],
  )
  assert.deepEqual(steps(world().network({ https: ['scripts', 'firmware'] })), [])
})

test("a card's own iPXE, which cannot trust us, gets our loader over HTTP", () => {
  const there = world()
    .https()
    .network({ https: ['scripts', 'firmware'], foreignIpxe: 'chain' })
  const { action } = decide(there.asksDhcp(NODE01, { stage: 'ipxe', arch: 'uefi-x64' }), there.build())
  assert.equal('url' in action ? action.url : '', 'http://10.77.0.1:8080/firmware/ipxe.efi')
})

test('who asks over TLS stays there: every address of its scripts is one of HTTPS; others stay at HTTP', () => {
  const there = (https: readonly HttpsUse[]): WorldBuilder => world().https().labNodes().network({ https })
  const addresses = (secure: boolean, https: readonly HttpsUse[]): readonly string[] => {
    const request = there(https).asks('http', { kind: 'run' }, NODE01)
    const ingress = { ...request.ingress, ...(secure ? { secure: true as const } : {}) }
    const { action } = decide({ ...request, ingress }, there(https).build())
    assert.equal(action.kind, 'script')
    return [...new Set(JSON.stringify(action).match(/(centra.report=)?https?:\/\/[^/"]+/g))].sort()
  }
  const [http, https] = ['http://10.77.0.1:8080', 'https://10.77.0.1:8443']
  assert.deepEqual(addresses(true, ['scripts']), [`centra.report=${http}`, https])
  assert.deepEqual(addresses(true, ['scripts', 'reports']), [`centra.report=${https}`, https])
  assert.deepEqual(addresses(false, ['scripts']), [`centra.report=${http}`, http])
  assert.deepEqual(addresses(false, ['reports']), [`centra.report=${https}`, http])
})
