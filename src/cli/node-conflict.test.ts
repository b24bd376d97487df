import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { centra, makeSite } from '../../test/helpers/server.ts'
import { NODE01, NODE02 } from '../../test/helpers/world.ts'
import { openStateStore } from '../store/state-store.ts'

const UUID2 = '22222222-2222-4222-8222-222222222222'
const UUID3 = '33333333-3333-4333-8333-333333333333'
const root = mkdtempSync(join(tmpdir(), 'centra-conflict-'))
after(() => rmSync(root, { recursive: true, force: true }))

test('explain --leases and node show say that a machine is in conflict, as the server would', async () => {
  const site = makeSite(root, (text) =>
    text.replace('- name: node02\n', `- name: node02\n    uuid: ${UUID2}\n`),
  )
  const { store } = await openStateStore({
    ...{ stateDir: site.stateDir, durability: 'off' },
    onError: (error) => assert.fail(error),
    onFatal: (error) => assert.fail(error),
  })
  const times = { firstSeen: Date.now(), lastSeen: Date.now() }
  store.saveSeen([
    { mac: NODE01, network: 'provisioning', ...times, evidence: { dhcp: { uuid: UUID2 } } },
    { mac: NODE02, network: 'provisioning', ...times, evidence: { smbios: { uuid: UUID3 } } },
  ])
  await store.close()
  const config = ['--config', site.config] as const
  const asked = ['explain', ...config, '--mac', NODE01, '--via', 'http'] as const
  const because = "it shows what is node01's and what is node02's"

  assert.match(
    (await centra(...asked, '--leases')).stdout,
    /node\.conflict +node01 by mac, score 60; node02 by uuid/,
  )
  assert.doesNotMatch((await centra(...asked)).stdout, /nobody can tell/)
  const other = ['explain', ...config, '--mac', NODE02, '--via', 'http', '--leases'] as const
  assert.match((await centra(...other)).stdout, /it shows too much that is not node02's/)
  assert.doesNotMatch(
    (await centra(...other, '--says', `uuid=${UUID2.toUpperCase()}`)).stdout,
    /nobody can tell/,
  )

  const shown = (await centra('node', 'show', 'node01', ...config)).stdout
  assert.match(shown, new RegExp(`^conflict +${NODE01}: ${because}; it boots its local disk$`, 'm'))
  assert.match(
    shown,
    new RegExp(`explain --config \\S+ --mac ${NODE01} --network provisioning --via http --leases`),
  )
  const json = JSON.parse((await centra('node', 'show', 'node01', ...config, '--json')).stdout)
  assert.deepEqual(json.conflicts, [
    { mac: NODE01, network: 'provisioning', nodes: ['node01', 'node02'], because },
  ])
})
