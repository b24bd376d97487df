import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DASHED, kernelOf, nonceOf, OWN, SCRIPT, Scene } from '../../test/helpers/intent-scene.ts'
import { MemoryDisk } from '../../test/helpers/memory.ts'
import { image, ip, mac, NODE01, STRANGER } from '../../test/helpers/world.ts'
import { macWithDashes } from '../lib/mac.ts'
import { payloadFiles } from '../model/image.ts'
import type { NodeCommand } from './node-commands.ts'

test('a profile that installs boots by command alone: by its node, by the menu, by nobody', async () => {
  const scene = new Scene('installer', (there) => there.replaceNode('node01', { profile: 'worker' }))
  assert.match(await scene.script(), /nobody asked for it: centra-pxe node install node01/)
  const menu = new Scene('installer', (there) => {
    const { profile: _, ...node } = there.config().nodes[0] ?? assert.fail()
    return there.replaceNode('node01', { ...node, profile: undefined as never })
  })
  const shown = await menu.script()
  assert.match(shown, /item .*all-in-one/)
  assert.doesNotMatch(shown, /item .* worker/)
  const page = await menu.script()
  assert.doesNotMatch(page, /nonce/)
  const chosen = (await menu.ask(`${SCRIPT}?choice=worker&confirmed=yes`)).body
  assert.match(chosen, /nobody asked for it/)
  assert.doesNotMatch(chosen, /nonce|vmlinuz/)
})

test('the menu entry with a warning goes through an attempt, which no installer can redeem', async () => {
  const scene = new Scene('installer', (there) =>
    there.replaceNode('node01', { profile: undefined as never }),
  )
  const { body } = await scene.ask(`${SCRIPT}?choice=all-in-one&confirmed=yes`)
  assert.equal((await scene.redeem(nonceOf(body))).status, 409)
})

describe('the other boots', () => {
  test('local, until ram', async () => {
    const scene = new Scene()
    await scene.command('local')
    assert.match(await scene.script(), /local disk, somebody asked for it/)
    await scene.command('ram')
    assert.match(await scene.script(), /centra\.profile=control-plane/)
  })

  test('rescue once, and then as before', async () => {
    const scene = new Scene()
    await scene.command('rescue')
    const script = await scene.script()
    assert.match(script, /centra\.profile=rescue .*centra\.intent=rescue/)
    assert.doesNotMatch(script, /centra\.redeem/)
    assert.equal((await scene.redeem(nonceOf(script))).status, 409, 'it may not write')
    assert.match(await scene.script(), /centra\.profile=rescue/, 'nothing was fetched')
    await scene.ask(kernelOf(script))
    assert.match(await scene.script(), /centra\.profile=control-plane/)
  })

  test('inspect boots the rescue system where there is no profile of that name', async () => {
    const scene = new Scene()
    await scene.command('inspect')
    const script = await scene.script()
    assert.match(script, /centra\.profile=rescue .*centra\.intent=inspect/)
    await scene.ask(kernelOf(script))
    const facts = { 'product-name': 'Box' }
    const body = JSON.stringify({ stage: 'in-service', nonce: nonceOf(script), facts })
    assert.equal((await scene.ask(`/v1/report/${DASHED}`, { method: 'POST', body })).status, 204)
    assert.equal(scene.store.lines.at(-1)?.what, 'done')
  })

  test('without an image it is refused, and says what is missing', async () => {
    const scene = new Scene('installer', (there) => there.profile('rescue', { image: 'missing' }))
    for (const kind of ['rescue', 'inspect'] as const)
      assert.deepEqual(await scene.command(kind), {
        kind: 'refused',
        because: 'the profile rescue has no image that is on disk: set profiles.rescue.image',
      })
    assert.match(await scene.script(), /centra\.profile=control-plane/)
  })

  test('what installs is not rescued with, and what does not install is not installed', async () => {
    const scene = new Scene()
    const why = async (kind: NodeCommand['kind'], profile?: string): Promise<string> => {
      const outcome = await scene.command(kind, profile)
      return outcome.kind === 'refused' ? outcome.because : outcome.kind
    }
    assert.match(await why('rescue', 'worker'), /the profile worker installs/)
    assert.match(await why('install', 'rescue'), /the profile rescue is no installer/)
    assert.match(await why('install', 'nothing'), /there is no profile nothing/)
    assert.match(await why('install'), /node01 has no profile that installs: name one with --profile/)
  })

  test('what nobody sees boot is not asked for once', async () => {
    const variants = [{ payload: { kind: 'chain', url: 'http://192.0.2.1/x.ipxe' }, cmdline: [] }] as const
    const scene = new Scene()
    scene.there.profile('worker', { image: 'other' })
    scene.restart()
    assert.ok(scene.state.disk instanceof MemoryDisk)
    scene.state.disk.stored = [{ ...image('other'), variants }]
    const why = async (): Promise<string> => {
      const outcome = await scene.command('install', 'worker')
      return outcome.kind === 'refused' ? outcome.because : outcome.kind
    }
    assert.match(await why(), /no kernel and no EFI program/)
    const [file] = payloadFiles(image('other').variants[0]?.payload ?? assert.fail())
    const program = [{ payload: { kind: 'efi', program: file ?? assert.fail() }, cmdline: [] }] as const
    scene.state.disk.stored = [{ ...image('other'), variants: program, cmdline: [] }]
    assert.match(await why(), /gets no arguments, so it learns no nonce/)
  })

  test('a command that another replaces leaves nothing behind that could be redeemed', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const nonce = nonceOf(await scene.script())
    await scene.command('local')
    assert.equal((await scene.redeem(nonce)).status, 409)
    await scene.command('install', 'worker')
    assert.equal((await scene.redeem(nonce)).status, 409, 'another intent')
    assert.equal((await scene.redeem(nonceOf(await scene.script()))).status, 200)
  })

  test('what a newer attempt of another card replaced may not write, and is told so', async () => {
    const other = mac('52:54:00:77:99:01')
    const scene = new Scene('installer', (there) =>
      there.replaceNode('node01', { macs: [NODE01, other] }).lease('10.77.0.20', other),
    )
    await scene.command('install', 'worker')
    const nonce = nonceOf(await scene.script())
    const newer = (await scene.ask(`/boot/${macWithDashes(other)}.ipxe`, { peer: '10.77.0.20' })).body
    assert.notEqual(nonceOf(newer), nonce)
    assert.deepEqual(await scene.redeem(nonce), {
      status: 410,
      body: 'do not write: there is no such boot attempt, or a newer one\n',
    })
  })

  test('another card than those of the command does not install', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const card = mac('52:54:00:77:99:01')
    scene.there.replaceNode('node01', { macs: [card] }).lease('10.77.0.20', card)
    scene.restart()
    const { body } = await scene.ask(`/boot/${macWithDashes(card)}.ipxe`, { peer: '10.77.0.20' })
    assert.match(body, /no install, install was asked for when node01 did not have the card/)
  })

  const UUID = '11111111-1111-4111-8111-11111111111'
  for (const [name, then, now] of [
    ['uuid', { macs: [], uuid: `${UUID}1` }, { uuid: `${UUID}2` }],
    ['serial', { macs: [], serial: 'SN-1' }, { serial: 'SN-2' }],
    ['uuid', { macs: [], serial: 'SN-2' }, { uuid: `${UUID}2` }],
    ['mac', { macs: [], uuid: `${UUID}2` }, { macs: [STRANGER] }],
    ['uuid', { macs: [STRANGER] }, { uuid: `${UUID}2` }],
    ['uuid and serial', { macs: [], uuid: `${UUID}1`, serial: 'SN-1' }, { uuid: `${UUID}2`, serial: 'SN-2' }],
    ['relayPort', { macs: [], serial: 'SN-2' }, { relayPort: { circuitId: '6574683' } }],
    ['clientId', { macs: [], serial: 'SN-2' }, { clientIds: ['00aa'] }],
  ] as const)
    test(`the name that is another machine's by now does not install: ${name}`, async () => {
      const scene = new Scene()
      const lease = '10.77.0.150'
      scene.there.replaceNode('node01', then).lease(lease, STRANGER)
      scene.restart()
      const says = `uuid=${UUID}2&serial=${Buffer.from('SN-2').toString('hex')}&asset=`
      const script = async () =>
        (await scene.ask(`/boot/${macWithDashes(STRANGER)}.ipxe?${says}`, { peer: lease })).body
      await scene.command('install', 'worker')
      scene.there.replaceNode('node01', now)
      scene.restart()
      const told = `no install, install was asked for when the configuration told node01 by another ${name}: ask for it again`
      assert.ok((await script()).includes(told), await script())
      await scene.command('install', 'worker')
      assert.match(await script(), /centra\.intent=install/, 'asked for again it is for the machine of now')
    })

  test('a card that the node gets besides the one that asks changes nothing', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    scene.there.replaceNode('node01', { macs: [NODE01, STRANGER] })
    scene.restart()
    assert.match(await scene.script(), /centra\.intent=install/)
  })
})

test('the fourth boot of an installer without success quarantines the node, until it is released', async () => {
  const scene = new Scene()
  await scene.command('install', 'worker')
  for (let boot = 1; boot <= 3; boot += 1) {
    const script = await scene.script()
    await scene.ask(kernelOf(script))
    await scene.ask(kernelOf(script))
  }
  const because = 'node01 booted an installer 3 times and never reported success'
  assert.match(await scene.script(), /local disk, quarantined, 3 boots of an installer/)
  scene.restart()
  assert.match(await scene.script(), new RegExp(`local disk, quarantined, ${because}`))
  assert.ok(
    scene.store.told.some((line) => line.startsWith(`quarantined: ${because}`)),
    scene.store.told.join('\n'),
  )
  assert.deepEqual(await scene.command('install', 'worker'), {
    kind: 'refused',
    because: `${because}: look at centra-pxe node history node01, then node release`,
  })
  await scene.command('rescue')
  assert.match(await scene.script(), /centra\.profile=rescue/, 'somebody looks at it')
  await scene.command('release')
  await scene.command('install', 'worker')
  assert.equal((await scene.redeem(nonceOf(await scene.script()))).status, 200)
})

describe('where another server gives the addresses, a machine is who answers ARP with the card that it says', () => {
  const [first, second] = [ip(OWN), ip('10.77.0.66')]
  const proxied = async () => {
    const scene = new Scene()
    scene.there.network({ dhcp: 'proxy' })
    scene.restart()
    await scene.command('install', 'worker')
    return scene
  }
  const refused = (peer: string): string =>
    `install is for node01 alone: asked from ${peer}, where its card does not answer ARP`

  test('a REQUEST alone, which anybody can forge, opens nothing and reads no secret', async () => {
    const scene = await proxied()
    const { claims } = scene.state
    claims.note(NODE01, second, scene.there.now + 60_000)
    for (const other of [undefined, STRANGER]) {
      if (other !== undefined) scene.there.neighbours.set(second, other)
      assert.ok((await scene.script({ peer: '10.77.0.66' })).includes(refused('10.77.0.66')))
      const pxelinux = `/pxelinux.cfg/01-${macWithDashes(NODE01)}`
      const { body } = await scene.ask(pxelinux, { peer: '10.77.0.66' })
      assert.ok(body.includes(refused('10.77.0.66')), body)
    }
    assert.deepEqual(scene.store.attempts, [])
  })

  test('its own card opens one; without a REQUEST it does not', async () => {
    const scene = await proxied()
    scene.there.neighbours.set(first, NODE01)
    assert.ok((await scene.script()).includes(refused(OWN)))
    scene.state.claims.note(NODE01, first, scene.there.now + 60_000)
    assert.equal((await scene.redeem(nonceOf(await scene.script()))).status, 200)
  })
})
