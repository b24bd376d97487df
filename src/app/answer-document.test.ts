import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk, MemoryStore, running } from '../../test/helpers/memory.ts'
import { NODE01, NODE02, NODE02_SECOND, STRANGER, world } from '../../test/helpers/world.ts'
import { macWithDashes } from '../lib/mac.ts'
import type { InstallerDocument } from '../model/document.ts'
import { answerHttp } from './answer-http.ts'
import { loadDocuments } from './load-documents.ts'

const PRESEED =
  'd-i netcfg/get_hostname string {{node.name}}\nd-i a/b string {{node.address}} {{profile.name}}\n'

interface Scene {
  readonly store: MemoryStore
  readonly get: (target: string, peer: string, method?: string) => Promise<{ status: number; body: string }>
}

/** node01 and both cards of node02 have leases; all are workers, whose document is a preseed. */
async function scene(isPublic = false): Promise<Scene> {
  const there = world()
    .labNodes()
    .lease('10.77.0.11', NODE01)
    .lease('10.77.0.12', NODE02)
    .lease('10.77.0.13', NODE02_SECOND)
    .lease('10.77.0.160', STRANGER)
  const store = new MemoryStore()
  const server = running(there, store)
  const origin = { file: '/c/lab.yaml', line: 1, column: 1 }
  const debian: InstallerDocument = {
    ...{ name: 'debian', kind: 'preseed', isPublic, origin, templates: new Map() },
    files: new Map([['preseed.cfg', { path: '/c/preseed.cfg', origin, key: 'documents.debian.file' }]]),
  }
  const { picture } = server.running
  const profiles = new Map(
    [...picture.config.profiles].map(
      ([name, profile]) => [name, { ...profile, document: 'debian' }] as const,
    ),
  )
  const config = { ...picture.config, documents: new Map([['debian', debian]]), profiles }
  const loaded = await loadDocuments(config, new MemoryDisk({ '/c/preseed.cfg': PRESEED }))
  assert.deepEqual(loaded.problems, [])
  server.running.picture = { ...picture, config: { ...config, documents: loaded.documents } }
  return {
    store,
    get: async (target, peer, method = 'GET') => {
      const [path = '', query = ''] = target.split('?')
      const request = { method, path, query: new URLSearchParams(query), peer, readBody: async () => '' }
      const health = () => ({ version: '0', items: [], foreign: [] })
      const answer = await answerHttp(request, server.on, server.running, health)
      assert.ok(answer.kind === 'text')
      return { status: answer.status, body: answer.body }
    },
  }
}

const DOCUMENT = `/documents/${macWithDashes(NODE01)}/preseed.cfg`

describe('who gets a document', () => {
  test('the machine, by its lease: with its values, on its timeline, and nodes show it', async () => {
    const { store, get } = await scene()
    assert.deepEqual(await get(DOCUMENT, '10.77.0.11'), {
      status: 200,
      body: 'd-i netcfg/get_hostname string node01\nd-i a/b string 10.77.0.11 control-plane\n',
    })
    assert.deepEqual(
      store.events.map(({ kind, node, detail }) => [kind, node, detail]),
      [['http.document', 'node01', { file: 'preseed.cfg', document: 'debian' }]],
    )
    assert.deepEqual(
      store.seen.map(({ mac, stage }) => [mac, stage]),
      [[NODE01, 'fetched preseed']],
    )
  })

  test('HEAD shows it and tells nothing', async () => {
    const { store, get } = await scene()
    assert.equal((await get(DOCUMENT, '10.77.0.11', 'HEAD')).status, 200)
    assert.deepEqual([store.events, store.seen, store.attempts], [[], [], []])
  })

  test('another machine, and an address without a lease: nothing of it, told once in a while', async () => {
    const { store, get } = await scene()
    for (const peer of ['10.77.0.12', '10.77.0.99']) {
      const { status, body } = await get(DOCUMENT, peer)
      assert.equal(status, 403)
      assert.equal(body, `asked from ${peer}, not from its lease\n`)
    }
    for (let i = 0; i < 200; i += 1) await get(DOCUMENT, '10.77.0.99')
    assert.ok(store.events.length < 50, `${store.events.length} events`)
    assert.deepEqual(store.seen, [])
  })

  test('the other card of the same node', async () => {
    const { get } = await scene()
    const { status, body } = await get(`/documents/${macWithDashes(NODE02)}/preseed.cfg`, '10.77.0.13')
    assert.equal(status, 200)
    assert.match(body, /string node02\n/)
  })

  test('anybody, where it is public', async () => {
    const { get } = await scene(true)
    const { status, body } = await get(DOCUMENT, '10.77.0.99')
    assert.equal(status, 200)
    assert.match(body, /string node01\n/)
  })
})

test('the profile is that of the last script: what somebody chose in the menu', async () => {
  const { get } = await scene()
  const document = `/documents/${macWithDashes(STRANGER)}/preseed.cfg`
  assert.deepEqual(await get(document, '10.77.0.160'), { status: 404, body: 'it boots no profile\n' })
  const { body: script } = await get(`/boot/${macWithDashes(STRANGER)}.ipxe?choice=worker`, '10.77.0.160')
  assert.match(script, new RegExp(` auto=true priority=critical url=http://10.77.0.1:8080${document} `))
  const { status, body } = await get(document, '10.77.0.160')
  assert.deepEqual([status, body.split('\n')[1]], [200, 'd-i a/b string 10.77.0.160 worker'])
  assert.equal((await get(document, '10.77.0.11')).status, 404)
})

for (const [path, status] of [
  [`/documents/${macWithDashes(NODE01)}/ks.cfg`, 404],
  [`/documents/${macWithDashes(NODE01)}/../../etc/passwd`, 404],
  [`/documents/${macWithDashes(NODE01)}/preseed.cfg/x`, 404],
  ['/documents/x/preseed.cfg', 404],
  ['/documents/', 404],
] as const)
  test(`there is nothing at ${path}`, async () => {
    const { get } = await scene()
    assert.equal((await get(path, '10.77.0.11')).status, status)
  })

test('a document never opens a boot attempt', async () => {
  const { store, get } = await scene()
  await get(DOCUMENT, '10.77.0.11')
  assert.deepEqual(store.attempts, [])
})
