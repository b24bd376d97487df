import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk, MemoryStore, running as runningIn } from '../../test/helpers/memory.ts'
import { image, world } from '../../test/helpers/world.ts'
import type { StoredImages } from '../model/image-store.ts'
import { type Running, refreshImages } from './running.ts'

/** A server that looks at its images, of which one is new, and the function that lets the look end. */
function looking(): { readonly running: Running; readonly end: () => Promise<void> } {
  const gate = Promise.withResolvers<void>()
  class SlowDisk extends MemoryDisk {
    override async storedImages(): Promise<StoredImages> {
      await gate.promise
      return super.storedImages()
    }
  }
  const disk = new SlowDisk({})
  disk.stored = [image('added')]
  const running = { ...runningIn(world(), new MemoryStore()).running, disk }
  const looked = refreshImages(running)
  return {
    running,
    end: async () => {
      gate.resolve()
      await looked
    },
  }
}

test('loaders that are found while the images are looked at cost neither', async () => {
  const { running, end } = looking()
  const firmware = new Map()
  running.picture = { ...running.picture, firmware }
  await end()
  assert.ok(running.picture.images.has('added'))
  assert.equal(running.picture.firmware, firmware)
})

test('a reload while the images are looked at keeps its own', async () => {
  const { running, end } = looking()
  running.picture = { ...running.picture, config: { ...running.picture.config } }
  const reloaded = running.picture
  await end()
  assert.equal(running.picture, reloaded)
})
