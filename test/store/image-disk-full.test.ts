import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { filesOf, readCatalogue, storeOf } from '../../src/files/image-catalogue.ts'
import { type AddStep, addImage, collectImages } from '../../src/files/image-store.ts'
import { fileSource } from '../../src/files/stage-file.ts'
import { verifyFile } from '../../src/files/verify-image.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra } from '../helpers/server.ts'

// Not for the network but for the mount namespace: a disk of four megabytes.
inNetns(import.meta, (net) => {
  const place = (name: string): { readonly stateDir: string; readonly kernel: string } => {
    const stateDir = `/run/${name}`
    mkdirSync(stateDir)
    assert.equal(net.run('mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', stateDir).code, 0)
    return { stateDir, kernel: `/run/${name}-kernel` }
  }
  const fill = (stateDir: string): void => {
    const { bavail, bsize } = statfsSync(stateDir)
    writeFileSync(`${stateDir}/filler`, Buffer.alloc(bavail * bsize))
  }
  /** Every file that the catalogue names is whole. Resolves with the versions' ids. */
  const versions = async (stateDir: string): Promise<readonly string[]> => {
    const store = storeOf(`${stateDir}/images`)
    const found = (await readCatalogue(store)).get('x')?.versions ?? []
    for (const file of found.flatMap(filesOf)) assert.equal(await verifyFile(store, file, () => {}), 'ok')
    assert.equal(readdirSync(store.files).length, new Set(found.flatMap(filesOf).map((f) => f.sha256)).size)
    assert.deepEqual(readdirSync(store.incoming), [])
    return found.map(({ id }) => id)
  }

  for (const full of ['before', 'staged', 'locked', 'moved', 'files-synced'] as const)
    test(`a disk that is full (${full}): the old version stays, nothing is left over; with room it is added`, async () => {
      const { stateDir, kernel } = place(`small-${full}`)
      const add = (onStep: (step: AddStep) => void = () => {}): Promise<unknown> =>
        addImage(
          `${stateDir}/images`,
          { name: 'x', sources: [fileSource(kernel)], cmdline: [] },
          { reserve: 0, onStep },
        )
      writeFileSync(kernel, Buffer.alloc(1_000_000, 'a'))
      await add()
      const [old] = await versions(stateDir)
      writeFileSync(kernel, Buffer.alloc(1_000_000, 'b'))
      if (full === 'before') fill(stateDir)
      const failed = add((step) => {
        if (step === full) fill(stateDir)
      })
      await assert.rejects(failed, /ENOSPC|there is not enough room/)
      assert.deepEqual(await versions(stateDir), [old])
      assert.equal(
        (await collectImages(`${stateDir}/images`, () => false)).versions.length,
        0,
        'gc needs no room',
      )
      rmSync(`${stateDir}/filler`)
      await add()
      assert.equal((await versions(stateDir)).length, 2)
    })

  test('gc on a full disk: old versions go, and the current one stays', async () => {
    const { stateDir, kernel } = place('crowded')
    for (const letter of 'abc') {
      writeFileSync(kernel, Buffer.alloc(1_000_000, letter))
      await addImage(
        `${stateDir}/images`,
        { name: 'x', sources: [fileSource(kernel)], cmdline: [] },
        { reserve: 0 },
      )
    }
    const current = (await versions(stateDir)).at(-1)
    fill(stateDir)
    const { freed } = await collectImages(`${stateDir}/images`, () => false)
    assert.equal(freed, 2_000_000)
    assert.deepEqual(await versions(stateDir), [current])
  })

  test('a disk that fills while a file is copied, as nobody could foresee', async () => {
    const { stateDir, kernel } = place('growing')
    writeFileSync(kernel, Buffer.alloc(3_000_000, 'a'))
    let filled = false
    const failed = addImage(
      `${stateDir}/images`,
      { name: 'x', sources: [fileSource(kernel)], cmdline: [] },
      {
        reserve: 0,
        observe: () => {
          if (!filled) fill(stateDir)
          filled = true
        },
      },
    )
    await assert.rejects(failed, { code: 'ENOSPC' })
    assert.deepEqual(await versions(stateDir), [])
  })

  test('the command keeps room for leases: exit code 1, and what to do', async () => {
    const { stateDir, kernel } = place('leases')
    writeFileSync(kernel, Buffer.alloc(1000))
    const { code, stdout, stderr } = await centra(
      'image',
      'add',
      'x',
      '--kernel',
      kernel,
      '--state-dir',
      stateDir,
    )
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^centra-pxe: there is not enough room: 1\.0 kB are needed, .* are kept for leases/)
  })
})
