import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk, MemoryStore, running } from '../../test/helpers/memory.ts'
import { NODE01, NODE02, STRANGER, type WorldBuilder, world } from '../../test/helpers/world.ts'
import { macWithDashes } from '../lib/mac.ts'
import type { StoredEvent } from '../model/event.ts'
import type { HttpAnswer } from '../model/http.ts'
import { answerHttp } from './answer-http.ts'

interface Scene {
  readonly store: MemoryStore
  readonly get: (
    target: string,
    peer: string,
    method?: string,
  ) => Promise<{ readonly answer: HttpAnswer; readonly body: string }>
}

/** node01 holds the lease 10.77.0.11. */
function scene(there: WorldBuilder, disk?: MemoryDisk): Scene {
  const store = new MemoryStore()
  const server = running(there.labNodes().lease('10.77.0.11', NODE01), store)
  const state = disk === undefined ? server.running : { ...server.running, disk }
  return {
    store,
    get: async (target, peer, method = 'GET') => {
      const [path = '', query = ''] = target.split('?')
      const request = {
        method,
        path,
        query: new URLSearchParams(query),
        peer,
        readBody: async () => '',
      }
      const answer = await answerHttp(request, server.on, state, () => ({
        version: '0',
        items: [],
        foreign: [],
      }))
      return { answer, body: answer.kind === 'text' ? answer.body : '' }
    },
  }
}

function newest(store: MemoryStore): StoredEvent {
  const event = store.events.at(-1)
  assert.ok(event !== undefined)
  return event
}

const SCRIPT = `/boot/${macWithDashes(NODE01)}.ipxe`

test('a machine in conflict: no nonce, an event that names the nodes, and nothing on the timeline of any of them', async () => {
  const uuid = '12345678-1234-5678-9abc-def012345678'
  const there = world().labNodes().replaceNode('node02', { uuid })
  const store = new MemoryStore()
  const server = running(there.lease('10.77.0.11', NODE01), store)
  const query = new URLSearchParams({ uuid })
  const request = { method: 'GET', path: SCRIPT, query, peer: '10.77.0.11', readBody: async () => '' }
  const health = () => ({ version: '0', items: [], foreign: [] })
  const answer = await answerHttp(request, server.on, server.running, health)
  assert.ok(answer.kind === 'text')
  assert.match(answer.body, /local disk, nobody can tell which machine this is/)
  assert.doesNotMatch(answer.body, /nonce|kernel/)
  assert.deepEqual(
    store.events.map(({ kind, node, detail }) => [kind, node, detail['nodes'] ?? detail['script']]),
    [
      ['node.conflict', undefined, 'node01 node02'],
      ['http.script', undefined, 'local-disk'],
    ],
  )
  assert.deepEqual(
    store.seen.map(({ mac, stage, evidence }) => [mac, stage, evidence?.smbios?.uuid]),
    [
      [NODE01, undefined, uuid],
      [NODE01, 'conflict', uuid],
    ],
  )
})

describe('whoever asks for a script', () => {
  test("the machine's own lease: it is its doing, and the script has a nonce", async () => {
    const { store, get } = scene(world())
    const { body } = await get(SCRIPT, '10.77.0.11')
    assert.match(body, /centra\.nonce=[0-9a-f]{32}/)
    assert.equal(newest(store).detail['standing'], undefined)
    assert.deepEqual(
      store.seen.map(({ mac, address, stage }) => [mac, address, stage]),
      [[NODE01, '10.77.0.11', 'script']],
    )
  })

  test('another address: claimed, no nonce, and the machine was not seen', async () => {
    const { store, get } = scene(world())
    const { body } = await get(SCRIPT, '10.77.0.66')
    assert.doesNotMatch(body, /nonce/)
    assert.equal(newest(store).detail['standing'], 'claimed')
    assert.match(store.told.at(-1) ?? '', /asked from 10\.77\.0\.66, not from its lease/)
    assert.deepEqual([store.seen, store.attempts], [[], []])
  })

  test('a failed step told by another address is claimed as well', async () => {
    const { store, get } = scene(world())
    await get(`${SCRIPT}?failed=kernel&errno=0x2e008001`, '10.77.0.66')
    const failed = store.events.find(({ kind }) => kind === 'boot.failed')
    assert.equal(failed?.detail['standing'], 'claimed')
    assert.equal(failed?.detail['errno'], '2e008001')
  })
})

test('a machine sent to its local disk: the event says why', async () => {
  const gone = scene(world(), new MemoryDisk({}))
  await gone.get(SCRIPT, '10.77.0.11')
  assert.match(
    gone.store.told.at(-1) ?? '',
    /^script local-disk profile control-plane has no image that is on disk$/,
  )
})

test('the local disk, the menu said so', async () => {
  const { store, get } = scene(world())
  const { body } = await get(`/boot/${macWithDashes(STRANGER)}.ipxe?choice=local`, '10.77.0.99')
  assert.match(body, /^echo Centra PXE: local disk, the menu said so$/m)
  assert.match(store.told.at(-1) ?? '', /^script local-disk the menu said so/)
})

test("E22: autoexec.ipxe over HTTP, beside the loader and at the root; an operator's own goes before it", async () => {
  const { store, get } = scene(world())
  for (const path of ['/autoexec.ipxe', '/firmware/autoexec.ipxe'])
    assert.match(
      (await get(path, '10.77.0.11')).body,
      /^#!ipxe\n.* 52:54:00:77:00:01 && set card net0/s,
      path,
    )
  assert.equal(store.told.filter((line) => line.startsWith('script identify')).length, 2)
  const own = scene(world().firmware('autoexec.ipxe'))
  assert.equal((await own.get('/firmware/autoexec.ipxe', '10.77.0.11')).answer.kind, 'file')
})

test('E22: over HTTPS where the network sends scripts there, since no address says so yet', async () => {
  const there = world()
    .https(8443)
    .network({ https: ['scripts'] })
  assert.match((await scene(there).get('/autoexec.ipxe', '10.77.0.11')).body, /^set url https:/m)
})

describe('H20: what GRUB and lpxelinux.0 look for by names of their machine', () => {
  const dashed = macWithDashes(NODE01)

  test("a described machine's own, over HTTP with whole addresses", async () => {
    const { store, get } = scene(world())
    for (const path of [`/grub/grub.cfg-01-${dashed}`, '/grub/grub.cfg', '/firmware/grub.cfg'])
      assert.match((await get(path, '10.77.0.11')).body, /^linux '\(http,.*centra\.nonce=/m, path)
    const { body } = await get(`/pxelinux.cfg/01-${dashed}`, '10.77.0.11')
    assert.match(body, /^ {2}LINUX http:\/\/10\.77\.0\.1:8080\/images\//m)
    assert.equal(store.attempts.length, 1)
  })

  test('the same text as by its address, but for the address', async () => {
    const { get } = scene(world())
    const own = await get(`/grub/grub.cfg-01-${dashed}`, '10.77.0.11')
    assert.equal(own.body, (await get(`/boot/${dashed}.grub`, '10.77.0.11')).body)
  })

  test("nobody's: 404, so that the walk goes on", async () => {
    const { store, get } = scene(world())
    for (const path of [
      `/grub/grub.cfg-01-${macWithDashes(STRANGER)}`,
      '/grub/grub.cfg-0A4D',
      '/grub/grub.cfg',
    ]) {
      const { answer } = await get(path, '10.77.0.66')
      assert.equal(answer.kind === 'text' ? answer.status : 0, 404, path)
    }
    assert.deepEqual(store.attempts, [])
  })
})

describe('a network on which one machine loads at a time', () => {
  const SECOND = '10.77.0.12'
  const SCRIPT2 = `/boot/${macWithDashes(NODE02)}.ipxe`

  function rack(): Scene & { readonly there: WorldBuilder } {
    const there = world().network({ boots: 1 })
    return { ...scene(there.lease(SECOND, NODE02)), there }
  }

  /** Fetches a file of the script as a whole. */
  async function fetchFile({ get }: Scene, script: string, file: string, peer: string): Promise<void> {
    const [, path = ''] = new RegExp(`http://[^/]+(/images/\\S+/${file})`).exec(script) ?? []
    const { answer } = await get(path, peer)
    assert.ok(answer.kind === 'file', path)
    answer.observe({ kind: 'start', size: answer.size, total: answer.size })
    answer.observe({ kind: 'progress', sent: 1, size: answer.size })
    answer.observe({ kind: 'done', sent: answer.size, milliseconds: 5 })
  }

  const kinds = ({ store }: Scene): readonly string[] =>
    store.told
      .filter((line) => /load|script/.test(line))
      .map((line) => line.replace(/ control.*| worker.*/, ''))

  test('the second waits without an attempt, asks again, and loads when the first is through', async () => {
    const there = rack()
    const { store, get } = there
    const first = await get(SCRIPT, '10.77.0.11')
    assert.match(first.body, /^kernel /m)
    for (let turn = 0; turn < 3; turn += 1) {
      const { body } = await get(SCRIPT2, SECOND)
      assert.match(body, /^item --gap -- You are number 1 of 1 in the queue; 1 machine is loading\.$/m)
      there.there.after(2000)
    }
    assert.deepEqual(
      store.attempts.map(({ mac }) => mac),
      [NODE01],
    )
    assert.deepEqual(
      store.seen.map(({ mac, stage }) => [mac, stage]),
      [
        [NODE01, 'script'],
        [NODE02, 'queued'],
      ],
    )
    await fetchFile(there, first.body, 'vmlinuz', '10.77.0.11')
    assert.doesNotMatch((await get(SCRIPT2, SECOND)).body, /^kernel /m)
    await fetchFile(there, first.body, 'initrd.img', '10.77.0.11')
    there.there.after(1000)
    assert.match((await get(SCRIPT2, SECOND)).body, /^kernel .*centra\.nonce=/m)
    assert.deepEqual(kinds(there), [
      'script boot',
      'waits to load: number 1 of 1, 1 load',
      'may load after 7.0 s',
      'script boot',
    ])
  })

  test('HEAD takes no place, and whoever asks for its own disk gives it back', async () => {
    const there = rack()
    await there.get(SCRIPT, '10.77.0.11', 'HEAD')
    assert.match((await there.get(SCRIPT2, SECOND)).body, /^kernel /m)
    assert.doesNotMatch((await there.get(SCRIPT, '10.77.0.11')).body, /^kernel /m)
    await there.get(`${SCRIPT2}?failed=kernel&errno=4c0a6012`, SECOND)
    assert.match((await there.get(SCRIPT, '10.77.0.11')).body, /^kernel /m)
  })

  test('an address without a lease is one machine, whatever scripts it asks for', async () => {
    const there = rack()
    await there.get(SCRIPT, '10.77.0.99')
    assert.match((await there.get(SCRIPT2, '10.77.0.99')).body, /^kernel /m)
    assert.doesNotMatch((await there.get(SCRIPT2, SECOND)).body, /^kernel /m)
  })
})
