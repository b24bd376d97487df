import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { runLab } from '../helpers/lab-run.ts'

/** The lab boots every example of this repository: one network, three roles, two networks with files beside them. */
const absent = missingPackages('lab')
const skip = process.getuid?.() === 0 ? absent.length > 0 && `missing: ${absent.join(' ')}` : 'needs root'

const EXAMPLES = [
  {
    name: 'lab',
    machines: [
      ['node01', 'bios', 'provisioning', 'control-plane', '10.77.0.11'],
      ['node02', 'uefi', 'provisioning', 'worker', '10.77.0.12'],
    ],
  },
  {
    name: 'three-nodes',
    machines: [
      ['node01', 'bios', 'provisioning', 'control-plane', '10.20.0.11'],
      ['node02', 'uefi', 'provisioning', 'worker', '10.20.0.12'],
      ['node03', 'bios', 'provisioning', 'all-in-one', '10.20.0.13'],
    ],
  },
  {
    name: 'two-networks',
    machines: [
      ['a1', 'bios', 'rack-a', 'worker', '10.31.0.11'],
      ['b1', 'uefi', 'rack-b', 'storage', '10.32.0.11'],
    ],
  },
] as const

describe('the examples in the lab', { skip }, () => {
  for (const { name, machines } of EXAMPLES)
    test(name, async () => {
      await buildPayload()
      const config = join(import.meta.dirname, '../../examples', name, 'centra-pxe.yaml')
      const record = join(mkdtempSync(join(tmpdir(), 'centra-example-')), 'run.txt')
      const run = await runLab([
        ...[
          '--config',
          config,
          '--payload',
          '--json',
          '--accel',
          'tcg',
          '--timeout',
          '300',
          '--record',
          record,
        ],
      ])
      assert.equal(run.code, 0, run.output)
      const outcome = JSON.parse(run.stdout)
      assert.equal(outcome.inService, true)
      assert.deepEqual(
        outcome.machines.map((machine: Record<string, unknown>) =>
          ['name', 'firmware', 'network', 'profile', 'address'].map((key) => machine[key]),
        ),
        machines,
      )
      // The recording is what a terminal would have shown: every event's line, and the table.
      const recorded = readFileSync(record, 'utf8')
      for (const [machine] of machines)
        assert.match(recorded, new RegExp(`${machine} .*report in-service: profile`))
      assert.match(recorded, /^MACHINE +FIRMWARE +PROFILE/m)
    })
})
