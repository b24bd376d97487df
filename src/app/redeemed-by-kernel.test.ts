import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DASHED, kernelOf, LOCAL, nonceOf, OWN, Scene } from '../../test/helpers/intent-scene.ts'
import { answerHttp } from './answer-http.ts'
import { answerRead } from './answer-read.ts'

describe('an install without an agent', () => {
  test('the kernel is fetched last, by an address that uses the intent up', async () => {
    const scene = new Scene('kernel')
    await scene.command('install', 'worker')
    const script = await scene.script()
    assert.ok(script.indexOf('initrd.img') < script.indexOf('vmlinuz'), script)
    assert.equal((await scene.ask(kernelOf(script))).status, 200)
    assert.equal((await scene.ask(kernelOf(script))).status, 200, 'the loader asks again')
    assert.match(await scene.script(), LOCAL)
    assert.equal((await scene.redeem(nonceOf(script), { run: 'a' })).status, 200, 'an agent may be there')
    assert.equal((await scene.redeem(nonceOf(script), { run: 'b' })).status, 409)
    scene.there.after(600_000)
    assert.equal((await scene.ask(kernelOf(script))).status, 410)
  })

  test('a kernel that is asked for, refused or cut uses nothing up, however often', async () => {
    const scene = new Scene('kernel')
    await scene.command('install', 'worker')
    const kernel = kernelOf(await scene.script())
    for (let time = 0; time < 3; time += 1) {
      assert.equal((await scene.ask(kernel, { isCut: true })).status, 200)
      scene.restart()
      assert.equal(kernelOf(await scene.script()), kernel, 'Try again')
    }
    assert.equal(scene.state.intents.of('node01')?.fruitless, 0)
    assert.equal((await scene.ask(kernel)).status, 200)
    assert.match(await scene.script(), LOCAL)
    assert.deepEqual(
      scene.store.lines.map(({ what }) => what).join(' '),
      'asked opened loading again loading again loading again loading started redeemed',
    )
  })

  test('the end of a kernel waits for the disk, and does not leave without it', async () => {
    const scene = new Scene('kernel')
    await scene.command('install', 'worker')
    const script = await scene.script()
    await scene.ask(kernelOf(script), { isCut: true })
    scene.store.disk = () => Promise.reject(new Error('disk full'))
    assert.match((await scene.ask(kernelOf(script))).body, /^cut: the boot could not be recorded/)
    scene.store.disk = () => Promise.resolve()
    assert.doesNotMatch(await scene.script(), LOCAL)
    await scene.command('local')
    assert.equal((await scene.ask(kernelOf(script))).status, 410)
  })

  test('a kernel whose request cannot be recorded may be asked for again', async () => {
    const scene = new Scene('kernel')
    await scene.command('install', 'worker')
    const script = await scene.script()
    scene.store.disk = () => Promise.reject(new Error('disk full'))
    const refused = await scene.ask(kernelOf(script))
    assert.deepEqual([refused.status, refused.retry], [503, '5'])
    scene.store.disk = () => Promise.resolve()
    assert.equal((await scene.ask(kernelOf(script))).status, 200)
    assert.match(await scene.script(), LOCAL)
  })

  test('a transfer that comes to its end when somebody asked for something else', async () => {
    const scene = new Scene('kernel')
    await scene.command('install', 'worker')
    const kernel = kernelOf(await scene.script())
    const path = kernel.split('?')[0] ?? ''
    const answer = await answerHttp(
      { method: 'GET', path, query: new URLSearchParams(), peer: OWN, readBody: async () => '' },
      scene.on,
      scene.state,
      () => ({ version: '0', items: [], foreign: [] }),
    )
    await scene.command('local')
    assert.ok(answer.kind === 'file')
    assert.equal(answer.headers['Cache-Control'], 'no-store')
    assert.equal(await answer.beforeLast?.(), 'install is not asked for any more')
  })

  test('over TFTP as well, by the name that has the nonce', async () => {
    const scene = new Scene('kernel')
    await scene.command('install', 'worker')
    const name = `pxelinux.cfg/01-${DASHED}`
    const config = await answerRead([name], OWN, scene.on, scene.state)
    assert.ok(config.kind === 'text')
    const kernel = /LINUX (\S+)/.exec(config.text)?.[1] ?? ''
    const initrd = /INITRD (\S+)/.exec(config.text)?.[1] ?? ''
    assert.match(initrd, /^attempt\/[0-9a-f]{32}\/images\//)
    const answerTo = (file: string) => answerRead([file], OWN, scene.on, scene.state)
    assert.equal((await answerTo(initrd)).kind, 'refuse', 'nobody was heard')
    await config.onHeard()
    assert.equal((await answerTo(kernel)).kind, 'file')
    assert.doesNotMatch(await scene.script(), LOCAL, 'the kernel came first, and the initrd was lost')
    const last = await answerTo(initrd)
    assert.ok(last.kind === 'file')
    assert.equal(scene.store.lines.at(-1)?.what, 'again', 'one datagram begins nothing')
    await last.attempt?.begins()
    assert.equal(scene.store.lines.at(-1)?.what, 'loading')
    assert.doesNotMatch(await scene.script(), LOCAL, 'its end never left')
    assert.equal(await last.attempt?.ends(), undefined)
    assert.match(await scene.script(), LOCAL)
    assert.equal((await answerTo(initrd)).kind, 'file', 'its last ACK was lost')
    scene.there.after(600_000)
    assert.equal((await answerTo(initrd)).kind, 'refuse')
  })

  test('GRUB gets the nonce in the address of the last initrd and on the command line', async () => {
    const scene = new Scene('kernel')
    await scene.command('install', 'worker')
    const { body } = await scene.ask(`/boot/${DASHED}.grub`)
    const nonce = nonceOf(body)
    assert.match(body, /linux '\(http,10\.77\.0\.1:8080\)\/images\/debian-live\/[^']*' .*centra\.nonce=/)
    const initrd = new RegExp(
      `initrd '\\(http,10\\.77\\.0\\.1:8080\\)(/attempt/${nonce}/images/debian-live/[^']*)'`,
    )
    const { 1: address = '' } = initrd.exec(body) ?? assert.fail(body)
    assert.equal((await scene.ask(address)).status, 200)
    assert.match(await scene.script(), LOCAL)
  })

  test('a kernel without an initrd is the last file itself', async () => {
    const scene = new Scene('kernel', (there) => there.withoutInitrds())
    await scene.command('install', 'worker')
    const { body } = await scene.ask(`/boot/${DASHED}.grub`)
    assert.match(body, /linux '\(http,10\.77\.0\.1:8080\)\/attempt\//)
  })
})
