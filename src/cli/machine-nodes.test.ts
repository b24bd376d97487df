import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { centra, makeSite } from '../../test/helpers/server.ts'
import { mac, NODE01 } from '../../test/helpers/world.ts'
import type { Mac } from '../lib/mac.ts'
import type { Recognised } from '../model/evidence.ts'
import type { BootIntent } from '../model/intent.ts'
import { openStateStore } from '../store/state-store.ts'

const UUID = '22222222-2222-4222-8222-222222222222'
const OLD = mac('52:54:00:99:00:01')
const NEW = mac('52:54:00:99:00:02')
const RIVAL = mac('52:54:00:99:00:03')
const SERIAL = mac('52:54:00:99:00:04')
const root = mkdtempSync(join(tmpdir(), 'centra-machines-'))
after(() => rmSync(root, { recursive: true, force: true }))

test('a node that is known by something else than a card has been seen, and has booted', async () => {
  const site = makeSite(root, (text) =>
    text.replace(
      'nodes:\n',
      `nodes:\n  - name: byuuid\n    uuid: ${UUID}\n  - name: byserial\n    serial: X1\n`,
    ),
  )
  const { store } = await openStateStore({
    ...{ stateDir: site.stateDir, durability: 'off' },
    onError: (error) => assert.fail(error),
    onFatal: (error) => assert.fail(error),
  })
  const seen = { network: 'provisioning', firstSeen: 1000, stage: 'script' }
  const as = (node: string, by: Recognised['by']) => ({ evidence: { node: { node, by, key: {} } } })
  store.saveSeen([
    { ...seen, mac: OLD, lastSeen: 2000, ...as('byuuid', 'uuid') },
    { ...seen, mac: NEW, lastSeen: 3000, ...as('byuuid', 'uuid') },
    { ...seen, mac: SERIAL, lastSeen: 5000, evidence: { smbios: { serial: ' x1' } } },
    { ...seen, mac: RIVAL, lastSeen: 4000, ...as('byuuid', 'uuid'), stage: 'conflict' },
  ])
  const boot = { address: '10.77.0.100', profile: 'worker', image: 'debian-live', openedAt: 2500 }
  await store.openAttempt({ ...boot, mac: OLD, nonce: 'a'.repeat(32) })
  await store.openAttempt({ ...boot, mac: RIVAL, nonce: 'b'.repeat(32) })
  const boots = { node: 'byuuid', revision: 1, standing: 'ram', fruitless: 3 } as const
  const quarantine = { since: 1000, because: 'x' }
  const own = { ...boots, node: 'node01', standing: 'local', fruitless: 0 } as const
  for (const state of [{ ...boots, quarantine }, own]) await store.saveBoots({ state, lines: [] })
  await store.close()
  const config = ['--config', site.config] as const

  const nodes = (await centra('nodes', ...config)).stdout
  assert.match(nodes, new RegExp(`^byuuid +- +${NEW} +- +script +1970-01-01T00:00:03\\S+ +quarantined`, 'm'))
  assert.match(nodes, new RegExp(`^byserial +- +${SERIAL} .*1970-01-01T00:00:05`, 'm'))
  assert.match(nodes, /^node01 .* never +local/m)
  assert.match(nodes, /^node02 .* never +-/m)
  const strangers = (await centra('nodes', '--seen', ...config, '--json')).stdout
  assert.deepEqual(
    JSON.parse(strangers).map((one: { mac: string }) => one.mac),
    [RIVAL],
  )
  const history = (await centra('node', 'history', 'byuuid', ...config)).stdout
  assert.match(history, /aaaaaaaa +boot +debian-live \(worker\) at 10\.77\.0\.100/)
  assert.doesNotMatch(history, /bbbbbbbb/)
})

test('node show says why what was asked for boots no more', async () => {
  const site = makeSite(join(root, 'stale'), (text) =>
    text.replace('profiles:\n', 'profiles:\n  inst:\n    image: debian-live\n    install: kernel\n'),
  )
  const { store } = await openStateStore({
    ...{ stateDir: site.stateDir, durability: 'off' },
    onError: (error) => assert.fail(error),
    onFatal: (error) => assert.fail(error),
  })
  const ask = async (node: string, macs: readonly Mac[], change: Partial<BootIntent>): Promise<void> => {
    const intent = {
      id: node,
      kind: 'install',
      profile: 'inst',
      redeem: 'kernel',
      macs,
      since: 1000,
    } as const
    const state = {
      node,
      revision: 1,
      standing: 'ram',
      fruitless: 0,
      intent: { ...intent, ...change },
    } as const
    await store.saveBoots({ state, lines: [] })
  }
  await ask('node01', [NODE01], { redeem: 'installer', keys: { mac: NODE01 } })
  await ask('node02', [], { keys: { mac: NODE01 } })
  await store.close()
  const show = async (node: string) => (await centra('node', 'show', node, '--config', site.config)).stdout
  assert.match(
    await show('node01'),
    /^not so +asked for when inst said install: installer, it says install: kernel now: ask for it again$/m,
  )
  assert.match(
    await show('node02'),
    /^not so +asked for when node02 was told by another mac: ask for it again$/m,
  )
})
