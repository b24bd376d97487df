import assert from 'node:assert/strict'
import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openStateStore } from '../../src/store/state-store.ts'
import type { StoreError } from '../../src/store/store-error.ts'
import { inNetns } from '../helpers/netns.ts'
import { event, leaseNumber, leasesOf } from '../helpers/state.ts'

// Not for the network but for the mount namespace: a disk of two megabytes.
inNetns(import.meta, (net) => {
  test('a full disk: leases are rejected with the reason, and saved again when there is room', async () => {
    const stateDir = '/run/small'
    mkdirSync(stateDir)
    assert.equal(net.run('mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', stateDir).code, 0)
    const errors: StoreError[] = []
    const { store } = await openStateStore({
      stateDir,
      durability: 'full',
      onError: (error) => errors.push(error),
    })
    await store.saveLeases([leaseNumber(1)])

    const filler = `${stateDir}/filler`
    writeFileSync(filler, Buffer.alloc(statfsSync(stateDir).bavail * 4096))
    const rejected: StoreError[] = []
    for (let n = 2; n < 4; n += 1)
      await store.saveLeases([leaseNumber(n)]).catch((error) => rejected.push(error))
    assert.equal(rejected.length, 2)
    assert.equal(rejected[0]?.code, 'full')
    assert.match(rejected[0]?.message ?? '', /^\/run\/small\/state\.db: no space is left on its disk/)
    store.appendEvents([event(1)])
    await assert.rejects(store.flush(), { code: 'full' })
    assert.equal(errors.length, 1)

    rmSync(filler)
    await store.saveLeases([leaseNumber(4)])
    await store.close()
    assert.equal(existsSync(`${stateDir}/state.db-wal`), false)
    const again = await openStateStore({
      stateDir,
      durability: 'full',
      onError: (error) => errors.push(error),
    })
    assert.deepEqual(leasesOf(again.saved), [leaseNumber(1), leaseNumber(4)])
    await again.store.close()
  })
})
