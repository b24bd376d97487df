import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import {
  INITRD_SHA256,
  KERNEL_SHA256,
  NODE01,
  NODE02,
  STRANGER,
  type WorldBuilder,
  world,
} from '../../test/helpers/world.ts'
import { type Mac, macWithDashes } from '../lib/mac.ts'
import { answerRead } from './answer-read.ts'

interface Scene {
  readonly store: MemoryStore
  /** The text of the name; undefined when the walk goes on. */
  readonly get: (name: string, peer: string) => Promise<string | undefined>
}

/** node01 holds the lease 10.77.0.11, a stranger 10.77.0.101. */
function scene(there: WorldBuilder): Scene {
  const store = new MemoryStore()
  const leased = there.labNodes().lease('10.77.0.11', NODE01).lease('10.77.0.101', STRANGER)
  const server = running(leased, store)
  return {
    store,
    get: async (name, peer) => {
      const answer = await answerRead([name], peer, server.on, server.running)
      if (answer.kind === 'refuse') assert.equal(answer.expected, true)
      if (answer.kind !== 'text') return undefined
      await answer.onHeard()
      return answer.text
    },
  }
}

function pxelinux(mac: Mac): string {
  return `pxelinux.cfg/01-${macWithDashes(mac)}`
}

describe("T37: a machine's own configuration by the name that PXELINUX looks for", () => {
  test('a described machine boots its image, with the nonce of its attempt', async () => {
    const { store, get } = scene(world())
    const text = (await get(pxelinux(NODE01), '10.77.0.11')) ?? ''
    assert.match(text, /^ {2}LINUX images\/debian-live\/[0-9a-f]{64}\/vmlinuz$/m)
    assert.match(text, /^ {2}APPEND .* centra\.nonce=[0-9a-f]{32}$/m)
    assert.deepEqual(
      store.attempts.map(({ mac, address }) => [mac, address]),
      [[NODE01, '10.77.0.11']],
    )
    const event = store.events.at(-1)
    assert.deepEqual([event?.kind, event?.mac, event?.detail['form']], ['tftp.script', NODE01, 'pxelinux'])
  })

  test('a request that nobody stands behind opens nothing and tells nothing', async () => {
    const store = new MemoryStore()
    const server = running(world().labNodes().lease('10.77.0.11', NODE01), store)
    const answer = await answerRead([pxelinux(NODE01)], '10.77.0.11', server.on, server.running)
    assert.ok(answer.kind === 'text' && answer.text.includes('centra.nonce='))
    assert.deepEqual([store.attempts, store.events], [[], []])
    await answer.onHeard()
    assert.ok(answer.text.includes(`centra.nonce=${store.attempts[0]?.nonce}`))
  })

  test("GRUB's name: nor does it take a place among those that load", async () => {
    const there = world().network({ boots: 1 }).labNodes().lease('10.77.0.11', NODE01)
    const server = running(there, new MemoryStore())
    const places = (): number =>
      server.running.queue.counts(server.on.network.name, server.running.now()).loading
    const answer = await answerRead(['grub/grub.cfg'], '10.77.0.11', server.on, server.running)
    assert.ok(answer.kind === 'text')
    assert.equal(places(), 0)
    await answer.onHeard()
    assert.equal(places(), 1)
  })

  test('by whichever of its names, the same', async () => {
    const { store, get } = scene(world())
    const text = await get(pxelinux(NODE01), '10.77.0.11')
    for (const name of ['pxelinux.cfg/0A4D000B', 'pxelinux.cfg/default', 'linux/pxelinux.cfg/default'])
      assert.equal(await get(name, '10.77.0.11'), text, name)
    assert.equal(store.attempts.length, 1)
  })

  test("another machine's name opens nothing: a described one has no nonce, any other is not there", async () => {
    const { store, get } = scene(world())
    assert.match((await get(pxelinux(NODE02), '10.77.0.11')) ?? '', /LINUX (?!.*nonce)/s)
    assert.equal(store.events.at(-1)?.detail['standing'], 'claimed')
    for (const [name, peer] of [
      [pxelinux(STRANGER), '10.77.0.11'],
      [pxelinux(STRANGER), '10.77.0.66'],
      ['pxelinux.cfg/0A4D0065', '10.77.0.11'],
      ['pxelinux.cfg/12345678-1234-5678-9abc-def012345678', '10.77.0.101'],
      ['pxelinux.cfg/0A4D00', '10.77.0.101'],
      ['pxelinux.cfg/default', '10.77.0.66'],
    ] as const)
      assert.equal(await get(name, peer), undefined, `${name} from ${peer}`)
    assert.deepEqual(store.attempts, [])
  })

  test('a stranger gets by its own name what `unknown:` says, and what it chose of the menu', async () => {
    const { get } = scene(world())
    assert.match((await get(pxelinux(STRANGER), '10.77.0.101')) ?? '', /^LABEL worker$/m)
    assert.match((await get(`${pxelinux(STRANGER)}/worker`, '10.77.0.101')) ?? '', /^ {2}LINUX .*vmlinuz$/m)
    assert.match((await get(`${pxelinux(STRANGER)}/all-in-one`, '10.77.0.101')) ?? '', /^SAY WARNING: /m)
    const local = scene(world().unknown('local'))
    assert.match((await local.get(pxelinux(STRANGER), '10.77.0.101')) ?? '', /^ {2}LOCALBOOT 0$/m)
  })

  test("GRUB's names over TFTP: its own language, files over HTTP where it has that", async () => {
    const { get } = scene(world())
    for (const name of ['grub/grub.cfg', `grub/grub.cfg-01-${macWithDashes(NODE01)}`])
      assert.match(
        (await get(name, '10.77.0.11')) ?? '',
        /^if linux '\(http,10\.77\.0\.1:8080\)\/images\/.*; then\n.*\nelse\n {2}linux '\(tftp,10\.77\.0\.1\)\/images\//m,
      )
  })

  test("GRUB's names over TFTP: what was chosen of its menu, and a step that failed", async () => {
    const { get, store } = scene(world())
    const own = `grub.cfg-01-${macWithDashes(STRANGER)}`
    assert.match((await get(own, '10.77.0.101')) ?? '', / --id 'all-in-one' /)
    assert.match((await get(`${own}/worker`, '10.77.0.101')) ?? '', /linux .* 'centra\.profile=worker' /m)
    assert.match((await get(`${own}/all-in-one`, '10.77.0.101')) ?? '', /Boot it all the same/)
    assert.match((await get(`${own}/all-in-one/confirmed`, '10.77.0.101')) ?? '', /^if linux /m)
    assert.match((await get(`${own}+failed`, '10.77.0.101')) ?? '', /^menuentry 'Try again'/m)
    assert.equal(store.events.findLast(({ kind }) => kind === 'boot.failed')?.detail['step'], 'boot')
  })
})

test('E22: autoexec.ipxe over TFTP is our script for the card of the lease, below whatever folder', async () => {
  const { store, get } = scene(world())
  for (const name of ['autoexec.ipxe', '/autoexec.ipxe', 'x86_64-sb/autoexec.ipxe'])
    assert.match(
      (await get(name, '10.77.0.11')) ?? '',
      /^#!ipxe\n.* 52:54:00:77:00:01 && set card net0/s,
      name,
    )
  assert.match((await get('autoexec.ipxe', '10.77.0.66')) ?? '', /^isset \$\{netX\/ip\} \|\| dhcp \|\|$/m)
  assert.deepEqual(store.attempts, [])
  const event = store.events.find(({ kind }) => kind === 'tftp.script')
  assert.deepEqual([event?.mac, event?.detail['script']], [NODE01, 'identify'])
})

test("E22: an operator's own autoexec.ipxe goes before ours", async () => {
  const there = world().firmware('autoexec.ipxe').lease('10.77.0.11', NODE01)
  const server = running(there, new MemoryStore())
  const answer = await answerRead(['autoexec.ipxe'], '10.77.0.11', server.on, server.running)
  assert.equal(answer.kind, 'file')
})

test('files of images by their immutable address, below whatever folder; by no other', async () => {
  const server = running(world().labNodes(), new MemoryStore())
  const read = (name: string): ReturnType<typeof answerRead> =>
    answerRead([name], '10.77.0.11', server.on, server.running)
  for (const folder of ['', 'boot/'])
    assert.deepEqual(await read(`${folder}images/debian-live/${KERNEL_SHA256}/vmlinuz`), {
      ...{ kind: 'file', name: 'vmlinuz' },
      file: { path: '/srv/vmlinuz', size: 8_000_000, revision: KERNEL_SHA256 },
    })
  for (const name of [
    ...['images/debian-live/vmlinuz', `images/debian-live/${INITRD_SHA256}/vmlinuz`],
    ...[`images/other/${KERNEL_SHA256}/vmlinuz`, `images/debian-live/${KERNEL_SHA256}/x/vmlinuz`],
  ])
    assert.equal((await read(name)).kind, 'refuse', name)
})
