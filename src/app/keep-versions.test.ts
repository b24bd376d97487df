import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NODE01, NOW } from '../../test/helpers/world.ts'
import type { StoredImage } from '../model/image-store.ts'
import { type KeepPolicy, keepsVersion } from './keep-versions.ts'

const HOUR = 3_600_000
const AGES = [30, 20, 10, 2] as const

/** Versions that became current 30, 20, 10 and 2 hours ago. */
function imageWith(removedHoursAgo?: number): StoredImage {
  const at = (hours: number): string => new Date(NOW - hours * HOUR).toISOString()
  const versions = AGES.map((hours) => ({
    ...{ id: `${hours}`, added: at(hours), initrds: [], cmdline: [], from: [] },
    kernel: { name: 'k', size: 1, sha256: 'a1'.repeat(32) },
  }))
  const image = { name: 'debian', versions }
  return removedHoursAgo === undefined ? image : { ...image, removed: at(removedHoursAgo) }
}

/** The ages of the versions that stay. */
function kept(image: StoredImage, policy: Partial<KeepPolicy>): readonly string[] {
  const whole = { keep: 1, graceMs: 0, attempts: [], now: NOW, ...policy }
  return image.versions.filter((version) => keepsVersion(image, version, whole)).map(({ id }) => id)
}

function attempt(hoursAgo: number, stage?: string): KeepPolicy['attempts'][number] {
  return {
    ...{ mac: NODE01, nonce: 'n', address: '10.77.0.11', profile: 'worker', image: 'debian' },
    openedAt: NOW - hoursAgo * HOUR,
    ...(stage === undefined ? {} : { stage }),
  }
}

test('the newest ones stay, and those that were replaced a short while ago', () => {
  assert.deepEqual(kept(imageWith(), {}), ['2'])
  assert.deepEqual(kept(imageWith(), { keep: 2 }), ['10', '2'])
  assert.deepEqual(kept(imageWith(), { graceMs: 2.5 * HOUR }), ['10', '2'])
  assert.deepEqual(kept(imageWith(), { graceMs: 11 * HOUR }), ['20', '10', '2'])
})

test('what a machine that still boots was given stays, and what it may have been given since', () => {
  assert.deepEqual(kept(imageWith(), { attempts: [attempt(5)] }), ['10', '2'])
  assert.deepEqual(kept(imageWith(), { attempts: [attempt(15, 'kernel')] }), ['20', '10', '2'])
  for (const stage of ['in-service', 'installed', 'rescue', 'failed'])
    assert.deepEqual(kept(imageWith(), { attempts: [attempt(15, stage)] }), ['2'])
  assert.deepEqual(kept(imageWith(), { attempts: [attempt(25)] }), ['2'], 'a day ago')
  assert.deepEqual(kept(imageWith(), { attempts: [{ ...attempt(5), image: 'other' }] }), ['2'])
})

test('of an image that was removed none is the newest', () => {
  assert.deepEqual(kept(imageWith(1), { keep: 3 }), [])
  assert.deepEqual(kept(imageWith(1), { graceMs: 2 * HOUR }), ['2'])
  assert.deepEqual(kept(imageWith(1), { attempts: [attempt(1.5)] }), ['2'])
})
