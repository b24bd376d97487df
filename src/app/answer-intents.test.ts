import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk, MemoryStore, running } from '../../test/helpers/memory.ts'
import { image, ip, mac, NODE01, STRANGER, type WorldBuilder, world } from '../../test/helpers/world.ts'
import { macWithDashes } from '../lib/mac.ts'
import { payloadFiles } from '../model/image.ts'
import { type RedeemedBy, withoutNonce } from '../model/intent.ts'
import { answerHttp } from './answer-http.ts'
import { answerRead } from './answer-read.ts'
import { type CommandOutcome, commandNode, type NodeCommand } from './node-commands.ts'

const OWN = '10.77.0.11'
const OTHER = '10.77.0.66'
const DASHED = macWithDashes(NODE01)
const SCRIPT = `/boot/${DASHED}.ipxe`
const REDEEM = `/v1/redeem/${DASHED}`

interface Asked {
  readonly peer?: string
  readonly method?: string
  readonly body?: string
  /** The connection ends before the last octets. */
  readonly isCut?: boolean
}

class Scene {
  readonly there: WorldBuilder
  readonly store = new MemoryStore()
  #server: ReturnType<typeof running>
  #commands = 0

  /** node01 holds the lease 10.77.0.11; the profile worker installs. */
  constructor(install: RedeemedBy = 'installer', change: (there: WorldBuilder) => WorldBuilder = (w) => w) {
    this.there = change(world().labNodes().lease(OWN, NODE01).profile('worker', { install }))
    this.#server = running(this.there, this.store)
  }

  get state() {
    return this.#server.running
  }

  get on() {
    return this.#server.on
  }

  /** As after kill -9: what is on disk is all there is. */
  restart(): void {
    this.#server = running(this.there, this.store)
  }

  command(kind: NodeCommand['kind'], profile?: string): Promise<CommandOutcome> {
    this.#commands += 1
    const id = this.#commands.toString(16).padStart(32, 'f')
    return commandNode(
      { node: 'node01', kind, id, ...(profile === undefined ? {} : { profile }) },
      this.#server.running,
    )
  }

  async ask(
    target: string,
    { peer = OWN, method = 'GET', body = '', isCut = false }: Asked = {},
  ): Promise<{ readonly status: number; readonly body: string; readonly retry?: string }> {
    const [path = '', query = ''] = target.split('?')
    const answer = await answerHttp(
      { method, path, query: new URLSearchParams(query), peer, readBody: async () => body },
      this.#server.on,
      this.#server.running,
      () => ({ version: '0', items: [], foreign: [] }),
    )
    if (answer.kind === 'text') {
      const { 'Retry-After': retry } = answer.headers
      return { status: answer.status, body: answer.body, ...(retry === undefined ? {} : { retry }) }
    }
    const cut = method === 'GET' && !isCut ? await answer.beforeLast?.() : undefined
    return { status: 200, body: cut === undefined ? `file ${answer.path}` : `cut: ${cut}` }
  }

  async script(asked: Asked = {}): Promise<string> {
    return (await this.ask(SCRIPT, asked)).body
  }

  redeem(nonce: string, { run, ...asked }: Asked & { readonly run?: string } = {}) {
    const body = JSON.stringify({ nonce, ...(run === undefined ? {} : { run }) })
    return this.ask(REDEEM, { ...asked, method: 'POST', body })
  }

  report(stage: string, nonce: string, peer = OWN) {
    return this.ask(`/v1/report/${DASHED}`, { method: 'POST', peer, body: JSON.stringify({ stage, nonce }) })
  }
}

function nonceOf(script: string): string {
  return /centra\.nonce=([0-9a-f]{32})/.exec(script)?.[1] ?? assert.fail(script)
}

function kernelOf(script: string): string {
  return (
    /http:\/\/[^/]+(\/attempt\/[0-9a-f]{32}\/images\/[^\s]+\/vmlinuz)/.exec(script)?.[1] ??
    assert.fail(script)
  )
}

const LOCAL = /Centra PXE: local disk/

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
