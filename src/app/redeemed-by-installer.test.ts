import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  kernelOf,
  LOCAL,
  nonceOf,
  OTHER,
  OWN,
  REDEEM,
  SCRIPT,
  Scene,
} from '../../test/helpers/intent-scene.ts'
import { NODE01 } from '../../test/helpers/world.ts'
import { withoutNonce } from '../model/intent.ts'

describe('an install that the installer redeems', () => {
  test('node install, the script, redeem, and then the local disk', async () => {
    const scene = new Scene()
    assert.equal((await scene.command('install', 'worker')).kind, 'done')
    const script = await scene.script()
    assert.match(script, /centra\.profile=worker .*centra\.intent=install/)
    assert.match(script, /centra\.redeem=http:\/\/10\.77\.0\.1:8080\/v1\/redeem\/52-54-00-77-00-01/)
    const nonce = nonceOf(script)
    assert.deepEqual(await scene.ask(kernelOf(script)), { status: 200, body: 'file /srv/vmlinuz' })
    assert.deepEqual(await scene.redeem(nonce, { run: 'boot-1' }), { status: 200, body: 'go on\n' })
    assert.equal((await scene.redeem(nonce, { run: 'boot-1' })).status, 200, 'the answer was lost')
    assert.deepEqual(await scene.redeem(nonce, { run: 'boot-2' }), {
      status: 409,
      body: 'do not write: another boot of this machine goes on with it already\n',
    })
    assert.match(await scene.script(), LOCAL)
    assert.equal((await scene.report('installed', nonce)).status, 204)
    assert.equal((await scene.redeem(nonce, { run: 'boot-1' })).status, 410)
    scene.restart()
    assert.match(await scene.script(), /local disk, its install was begun 2026-11-23T04:00:00\.000Z/)
    assert.deepEqual(
      scene.store.lines.map(({ what }) => what),
      ['asked', 'opened', 'loading', 'started', 'redeemed', 'done'],
    )
  })

  test('the same nonce for ten minutes and over a restart; after that another, and the old one is over', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const first = nonceOf(await scene.script())
    scene.restart()
    scene.there.after(599_999)
    assert.equal(nonceOf(await scene.script()), first)
    scene.there.after(1)
    const second = nonceOf(await scene.script())
    assert.notEqual(second, first)
    assert.equal((await scene.redeem(first)).status, 410)
    assert.equal((await scene.redeem(second)).status, 200)
    assert.equal(scene.store.attempts.length, 2)
  })

  test('a clock that was ahead, and a restart: the newest attempt is still the one that reports prove', async () => {
    const scene = new Scene('installer', (there) => there.lease(OWN, NODE01, { expiresAt: 4e12 }))
    scene.there.after(3e11)
    await scene.command('install', 'worker')
    const first = nonceOf(await scene.script())
    scene.there.after(-3e11)
    const script = await scene.script()
    const nonce = nonceOf(script)
    assert.notEqual(nonce, first)
    await scene.ask(kernelOf(script))
    assert.equal((await scene.redeem(nonce)).status, 200)
    scene.restart()
    await scene.report('installed', nonce)
    const { attempt, fruitless } = scene.state.intents.of('node01') ?? assert.fail()
    assert.deepEqual([attempt?.ended?.stage, fruitless], ['installed', 0])
    assert.equal(scene.store.events.find(({ kind }) => kind === 'report')?.detail['standing'], 'verified')
  })

  test('only success ends the count of boots: an installer that comes to its rescue system does not', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const script = await scene.script()
    await scene.ask(kernelOf(script))
    await scene.redeem(nonceOf(script))
    await scene.report('rescue', nonceOf(script))
    assert.equal(scene.store.lines.at(-1)?.what, 'failed')
    assert.equal(scene.state.intents.of('node01')?.fruitless, 1)
  })

  test('an installer that never asks, and proves that it is done, uses the intent up: it boots once', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const script = await scene.script()
    await scene.ask(kernelOf(script))
    await scene.report('installed', 'f'.repeat(32))
    assert.doesNotMatch(await scene.script(), LOCAL, 'anybody can claim that')
    await scene.report('initrd', nonceOf(script))
    assert.doesNotMatch(await scene.script(), LOCAL, 'it has not begun')
    await scene.report('installed', nonceOf(script))
    assert.match(await scene.script(), LOCAL)
    scene.restart()
    assert.match(await scene.script(), LOCAL)
    const { standing, fruitless, attempt } = scene.state.intents.of('node01') ?? assert.fail()
    assert.deepEqual([standing, fruitless, attempt?.ended?.stage], ['local', 0, 'installed'])
    const said = scene.store.lines.map(({ what }) => what)
    assert.deepEqual(said.slice(-2), ['redeemed', 'done'])
  })

  test('two that ask at once get the same nonce', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const scripts = await Promise.all([scene.script(), scene.script(), scene.script()])
    assert.equal(new Set(scripts.map(nonceOf)).size, 1)
    assert.equal(scene.store.attempts.length, 1)
  })

  test('HEAD, other sources and addresses without a lease open nothing, and redeem nothing', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    await scene.script({ method: 'HEAD' })
    for (const peer of [OTHER, '10.77.0.150', '192.0.2.1']) {
      const script = await scene.script({ peer })
      assert.match(script, LOCAL)
      assert.doesNotMatch(script, /nonce|vmlinuz/)
    }
    assert.deepEqual(scene.store.attempts, [])
    const script = await scene.script()
    const nonce = nonceOf(script)
    assert.deepEqual(await scene.redeem(nonce, { peer: OTHER }), {
      status: 403,
      body: 'do not write: the attempt was given to 10.77.0.11, not to 10.77.0.66\n',
    })
    await scene.ask(kernelOf(script), { method: 'HEAD' })
    assert.equal((await scene.ask(kernelOf(script), { peer: OTHER })).status, 410)
    await scene.report('installed', 'f'.repeat(32))
    await scene.report('installed', nonce, OTHER)
    assert.equal(scene.state.intents.of('node01')?.attempt?.starts, 0)
    assert.equal(scene.state.intents.of('node01')?.attempt?.ended, undefined)
    assert.equal((await scene.redeem(nonce)).status, 200)
  })

  test('sixty that redeem at once: one boot goes on, and none from elsewhere', async () => {
    for (let round = 0; round < 10; round += 1) {
      const scene = new Scene()
      await scene.command('install', 'worker')
      const nonce = nonceOf(await scene.script())
      const asked = Array.from({ length: 60 }, (_, i) =>
        // Each from an address of its own, so that none asks too often; every tenth is the machine.
        scene.redeem(nonce, { run: `boot-${i}`, peer: i % 10 === round ? OWN : `10.77.0.${100 + i}` }),
      )
      const statuses = (await Promise.all(asked)).map(({ status }) => status)
      assert.deepEqual(
        [200, 409, 403, 500, 503].map((one) => statuses.filter((status) => status === one).length),
        [1, 5, 54, 0, 0],
      )
    }
  })

  test('a boot that nobody asked to install, and a nonce of nobody, may not write', async () => {
    const scene = new Scene()
    const script = await scene.script()
    assert.match(script, /centra\.profile=control-plane/)
    assert.deepEqual(await scene.redeem(nonceOf(script)), {
      status: 409,
      body: 'do not write: this boot is of profile control-plane; nobody asked it to install\n',
    })
    assert.equal((await scene.redeem(`${'0'.repeat(31)}f`)).status, 410)
    assert.equal((await scene.ask(REDEEM, { method: 'POST', body: 'nonce=../../etc' })).status, 400)
    assert.equal((await scene.ask(REDEEM)).status, 405)
  })

  test('no log has the whole of a nonce', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const script = await scene.script()
    const nonce = nonceOf(script)
    await scene.ask(kernelOf(script))
    await scene.redeem(nonce, { peer: OTHER })
    const url = Buffer.from(`http://10.77.0.1:8080${kernelOf(script)}`).toString('hex')
    await scene.ask(`${SCRIPT}?failed=kernel&errno=2d0c613b&url=${url}`)
    const failed = scene.store.events.find(({ kind }) => kind === 'boot.failed')
    assert.match(String(failed?.detail['url']), /8080\/attempt\/00000000\.\.\.\/images\/debian-live\//)
    assert.ok(!JSON.stringify(scene.store.events).includes(nonce))
    await scene.redeem(nonce)
    await scene.report('installed', nonce)
    assert.ok(!JSON.stringify(scene.store.events).includes(nonce))
    const short = `/attempt/${nonce.slice(0, 8)}.../x`
    for (const [written, shown] of [
      [`/attempt/${nonce}/x`, short],
      [`/%61ttempt/${nonce}/x`, short],
      [`/attempt%2F%30${nonce.slice(1)}/x`, short],
      [`//attempt//${nonce}/x`, `//attempt//${nonce.slice(0, 8)}.../x`],
      [`attempt\\${nonce}\\x`, `attempt\\${nonce.slice(0, 8)}...\\x`],
      ['/%61%20%zz', '/%61%20%zz'],
    ] as const)
      assert.equal(withoutNonce(written), shown)
    const hex = (text: string): string => Buffer.from(text).toString('hex')
    const reported = `?failed=kernel&url=${hex(`http://x/attempt/${nonce}/y`)}`
    assert.ok(!withoutNonce(reported).includes(hex(nonce)), withoutNonce(reported))
    assert.match(withoutNonce(reported), /^\?failed=kernel&url=[0-9a-f]+\.\.\.2f79$/)
  })

  test('what cannot be written does not begin: the script says so and asks again, the redemption is refused', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    scene.store.disk = () => Promise.reject(new Error('disk full'))
    const page = await scene.script()
    assert.match(page, /could not write to its disk that this install begins\. Nothing/)
    assert.doesNotMatch(page, /centra\.nonce|^kernel/m)
    assert.deepEqual(
      scene.store.events
        .filter(({ kind }) => kind === 'boot.unrecorded')
        .map(({ node, detail }) => [node, detail]),
      [['node01', { reason: 'disk full', sent: 'page' }]],
    )
    scene.store.disk = () => Promise.resolve()
    const nonce = nonceOf(await scene.script())
    scene.store.disk = () => Promise.reject(new Error('disk full'))
    assert.equal((await scene.redeem(nonce)).status, 503)
    scene.store.disk = () => Promise.resolve()
    assert.equal((await scene.redeem(nonce)).status, 200)
  })

  test('what boots every time boots also when nothing can be written, without a nonce', async () => {
    const scene = new Scene('installer', (there) => there.profile('worker', {}))
    assert.match(await scene.script(), /centra\.nonce=/)
    const other = new Scene('installer', (there) => there.profile('worker', {}))
    other.store.disk = () => Promise.reject(new Error('disk full'))
    const script = await other.script()
    assert.match(script, /^kernel .*centra\.report=/m)
    assert.doesNotMatch(script, /centra\.nonce/)
  })

  test('an answer waits for the disk', async () => {
    const scene = new Scene()
    await scene.command('install', 'worker')
    const nonce = nonceOf(await scene.script())
    const gate = Promise.withResolvers<void>()
    scene.store.disk = () => gate.promise
    let answered = false
    const asked = scene.redeem(nonce).then(() => {
      answered = true
    })
    for (let i = 0; i < 20; i += 1) await Promise.resolve()
    assert.equal(answered, false)
    gate.resolve()
    await asked
  })
})
