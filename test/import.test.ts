import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const CENTRA = resolve(import.meta.dirname, '../bin/centra-pxe')

test('import mac-mappings: a file for include:, which validates; never over another; nothing of a file with an error', () => {
  const dir = mkdtempSync(join(tmpdir(), 'import-'))
  const run = (...words: string[]) =>
    spawnSync(CENTRA, ['import', 'mac-mappings', ...words], { cwd: dir, encoding: 'utf8' })
  writeFileSync(join(dir, 'mac-mappings.txt'), '52:54:00:00:00:01 worker node01 # rack 1\n')
  writeFileSync(join(dir, 'vmlinuz'), 'kernel')
  writeFileSync(
    join(dir, 'x.yaml'),
    'version: 1\nnetworks: [{name: a, interface: eth0, subnet: 10.0.0.0/24}]\nimages: {x: {kernel: vmlinuz}}\n' +
      'profiles: {worker: {image: x}}\ninclude: nodes/*.yaml\nserver: {stateDir: .}\n',
  )
  const printed = run('mac-mappings.txt')
  assert.deepEqual(
    [printed.status, printed.stdout, printed.stderr],
    [
      0,
      '# Made of mac-mappings.txt.\n\nnodes:\n  # rack 1\n  - name: node01\n    mac: "52:54:00:00:00:01"\n    profile: worker\n',
      '1 node\n',
    ],
  )
  assert.deepEqual(JSON.parse(run('mac-mappings.txt', '--json').stdout)[0].macs, ['52:54:00:00:00:01'])
  assert.equal(run('mac-mappings.txt', '--config', 'x.yaml', '--out', 'new.yaml').status, 0)
  assert.equal(readFileSync(join(dir, 'new.yaml'), 'utf8'), printed.stdout)
  const again = run('mac-mappings.txt', '--out', 'new.yaml')
  assert.deepEqual([again.status, /is there already/.test(again.stderr)], [1, true])
  writeFileSync(join(dir, 'bad.txt'), '52:54:00:00:00:01 worker\nx y z\n')
  const bad = run('bad.txt')
  assert.deepEqual([bad.status, bad.stdout, bad.stderr.split('\n').length], [78, '', 4])
  assert.equal(run('nowhere.txt').status, 1)
  assert.equal(run().status, 2)
})
