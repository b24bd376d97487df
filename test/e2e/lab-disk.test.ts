import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { type LabRun, runLab } from '../helpers/lab-run.ts'

/** An unknown machine installs itself, restarts, and boots from its disk; so it does when the lab runs again. */
const absent = missingPackages('lab')
const skip = process.getuid?.() === 0 ? absent.length > 0 && `missing: ${absent.join(' ')}` : 'needs root'

describe('a disk that is kept', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'centra-disk-'))
  const config = join(folder, 'centra-pxe.yaml')
  const keys = join(folder, 'keys')
  const run = (...flags: readonly string[]): Promise<LabRun> =>
    runLab([
      ...['--config', config, '--payload', '--unknown', '1', '--firmware', 'bios', '--accel', 'tcg'],
      ...['--disk', '96M', '--keep', '--timeout', '240', ...flags],
    ])
  const stages = ({ events }: LabRun): readonly string[] =>
    events
      .filter(({ kind }) => kind === 'http.script' || kind === 'report')
      .map(({ detail }) => String(detail['script'] ?? `${detail['stage']} ${detail['standing']}`))
  const FROM_DISK = ['identify', 'menu', 'local-disk', 'initrd verified', 'in-service verified']

  test('a key chooses the installer, the machine restarts, the menu times out, the disk boots', async () => {
    await buildPayload()
    cpSync(join(import.meta.dirname, 'disk.yaml'), config)
    writeFileSync(keys, 'unknown-1 "p. Power off" 1\n')
    const first = await run('--keys', keys)
    assert.equal(first.code, 0, first.output)
    assert.deepEqual(stages(first), [
      ...['identify', 'menu', 'boot', 'initrd verified', 'installed verified'],
      ...FROM_DISK,
    ])
    assert.match(first.output, /disk .*disk\.qcow2 is made: 96M, empty/)
    assert.match(first.serial('unknown-1'), /centra: started from the disk/)
  })

  test('the next run boots the same disk, and nothing but scripts goes over the network', async () => {
    const second = await run()
    assert.equal(second.code, 0, second.output)
    assert.deepEqual(stages(second), FROM_DISK)
    assert.deepEqual(
      second.events.filter(({ kind }) => kind === 'http.start'),
      [],
    )
    assert.match(second.output, /disk .*disk\.qcow2 is kept as it is/)
    assert.match(second.serial('unknown-1'), /centra: started from the disk/)
  })
})
