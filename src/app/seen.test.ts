import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from '../../test/helpers/memory.ts'
import { NODE01, NOW } from '../../test/helpers/world.ts'
import { SeenMachines } from './seen.ts'

test('what is known of a machine adds up, from before the start on', () => {
  const store = new MemoryStore()
  const before = { mac: NODE01, network: 'old', firstSeen: 5, lastSeen: 6, uuid: 'u', arch: 'bios-x86' }
  const seen = new SeenMachines(store, [before])
  seen.note(NODE01, 'lab', NOW, { arch: 'uefi-x64' })
  seen.note(NODE01, 'lab', NOW + 1, { stage: 'loader' })
  assert.deepEqual(store.seen.at(-1), {
    ...before,
    network: 'lab',
    arch: 'uefi-x64',
    stage: 'loader',
    lastSeen: NOW + 1,
  })
})
