import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { missingPackages } from '../../src/lab/packages.ts'
import { shows } from '../../src/lab/serial-console.ts'
import { configWithPayload, type LabRun, runLab, stagesOf } from '../helpers/lab-run.ts'

/** Two machines whose cards' iPXE asks at the same time, on a network where one loads: the other reads its place. */
const absent = missingPackages('lab')
const skip = process.getuid?.() === 0 ? absent.length > 0 && `missing: ${absent.join(' ')}` : 'needs root'

const MACS = { one: '52:54:00:77:0c:01', two: '52:54:00:77:0c:02' } as const
/** Octets of zeros, which Linux reads over behind an initrd: above the size below which nobody waits, for seconds of loading. */
const PADDING = 96 * 2 ** 20

describe('boots: 1, and two machines with iPXE', { skip }, () => {
  let run: LabRun

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'centra-queue-'))
    const config = await configWithPayload(join(import.meta.dirname, 'nodes.yaml'), folder)
    writeFileSync(join(folder, 'images', 'padding.img'), Buffer.alloc(PADDING))
    const nodes = Object.entries(MACS).map(
      ([name, mac]) => `  - { name: ${name}, mac: "${mac}", profile: worker }\n`,
    )
    const text = readFileSync(config, 'utf8')
      .replace('    dhcp: server\n', '    dhcp: server\n    boots: 1\n')
      .replace('[./images/initrd.img]', '[./images/initrd.img, ./images/padding.img]')
      .replace('nodes:\n', `nodes:\n${nodes.join('')}`)
    writeFileSync(config, text)
    const flags = ['--firmware', 'bios', '--accel', 'tcg', '--timeout', '300']
    run = await runLab(['--config', config, '--node', 'one', 'two', ...flags])
  })

  test('one waits, reads its place on the screen, and both are in service', () => {
    assert.equal(run.code, 0, run.output)
    const queued = run.events.filter(({ kind }) => kind === 'boot.queued')
    assert.equal(queued.length, 1, run.output)
    const waits = queued[0]?.node ?? ''
    assert.deepEqual(queued[0]?.detail, { place: 1, waiting: 1, loading: 1 })
    const screen = stripVTControlCharacters(run.serial(waits))
    for (const line of [
      `${waits}: worker (payload)`,
      'You are number 1 of 1 in the queue; 1 machine is loading.',
      'Asks again in 1 s',
      'a. Ask now',
    ])
      assert.ok(shows(screen, line), `${line} is not on the console:\n${screen.slice(-4000)}`)
    const stages = stagesOf(run, waits)
    assert.deepEqual(stages.slice(stages.indexOf('boot.queued'), stages.indexOf('http.start vmlinuz') + 1), [
      ...['boot.queued', 'boot.admitted', 'http.script boot', 'http.start vmlinuz'],
    ])
  })

  test('never do both load at the same time', () => {
    const loading = new Set<unknown>()
    for (const { kind, node, detail } of run.events) {
      if (kind === 'http.script' && detail['script'] === 'boot') loading.add(node)
      if (kind === 'http.done' && detail['file'] === 'padding.img') loading.delete(node)
      assert.ok(loading.size <= 1, `${[...loading].join(' and ')} load`)
    }
  })
})
