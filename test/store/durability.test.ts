import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { temporaryDirectory } from '../helpers/state.ts'

const SAVER = path.join(import.meta.dirname, 'saver.ts')

test('a lease is saved after fdatasync of the log returned, every time', (t) => {
  const steps = traced(t, 'full')
  if (steps === undefined) return
  for (const n of [1, 2, 3]) {
    const between = steps.slice(steps.indexOf(`SAVE ${n}`) + 1, steps.indexOf(`ACK ${n}`))
    assert.ok(between.includes('synced'), `nothing was synced before ACK ${n}: ${steps.join(', ')}`)
  }
})

test('the control: with durability off nothing is synced', (t) => {
  const steps = traced(t, 'off')
  if (steps === undefined) return
  assert.deepEqual(steps.slice(steps.indexOf('SAVE 1')), [
    'SAVE 1',
    'ACK 1',
    'SAVE 2',
    'ACK 2',
    'SAVE 3',
    'ACK 3',
    'END',
  ])
})

/** What the saver said, and `synced` where a sync of the write-ahead log returned, in order. */
function traced(t: TestContext, mode: 'full' | 'off'): readonly string[] | undefined {
  if (spawnSync('strace', ['--version']).error !== undefined) {
    t.skip('strace is not installed')
    return undefined
  }
  const directory = temporaryDirectory(t)
  const log = path.join(directory, 'strace.log')
  const trace = ['-f', '-y', '-o', log, '-e', 'trace=fsync,fdatasync,write']
  const state = path.join(directory, 'state')
  const { status, stderr } = spawnSync('strace', [...trace, process.execPath, SAVER, state, mode], {
    encoding: 'utf8',
  })
  if (/ptrace.*(not permitted|denied)/i.test(stderr)) {
    t.skip('strace is not permitted')
    return undefined
  }
  assert.equal(status, 0, stderr)
  const steps = stepsOf(readFileSync(log, 'utf8'))
  assert.ok(steps.includes('ACK 3'), 'the trace was understood')
  return steps
}

const SAID = /write\(2<[^>]*>, "((?:SAVE|ACK) \d|END)\\n"/
const SYNC_BEGINS = /^(\d+) +f(?:data)?sync\(\d+<[^>]*state\.db-wal>(?:\) += 0| <unfinished)/
const SYNC_RESUMES = /^(\d+) +<\.\.\. f(?:data)?sync resumed>.*= 0/

function stepsOf(log: string): string[] {
  const steps: string[] = []
  const inSync = new Set<string>()
  for (const line of log.split('\n')) {
    const said = SAID.exec(line)?.[1]
    if (said !== undefined) steps.push(said)
    const begun = SYNC_BEGINS.exec(line)?.[1]
    const resumed = SYNC_RESUMES.exec(line)?.[1]
    if (begun !== undefined && line.includes('unfinished')) inSync.add(begun)
    else if (begun !== undefined) steps.push('synced')
    else if (resumed !== undefined && inSync.delete(resumed)) steps.push('synced')
  }
  return steps
}
