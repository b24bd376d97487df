import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { openStateReader } from '../../src/store/state-reader.ts'
import { runs } from '../helpers/counts.ts'
import { temporaryDirectory } from '../helpers/state.ts'

const SAVER = path.join(import.meta.dirname, 'saver.ts')
const RUNS = runs(10, 200)
const SEED = Number(process.env['CENTRA_KILL_SEED'] ?? 20261123)

test(`kill -9, ${RUNS} times (seed ${SEED}): no lease that was acknowledged is lost, no address given twice`, async (t) => {
  const directory = temporaryDirectory(t)
  const { acknowledged, wrong } = await killRuns({ directory, mode: 'forever', runs: RUNS })
  assert.ok(acknowledged >= RUNS, `only ${acknowledged} leases`)
  assert.deepEqual(wrong, [])
  const database = new DatabaseSync(path.join(directory, 'state.db'))
  assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  database.close()
})

test('the control: acknowledging before the commit loses leases or gives them twice', async (t) => {
  const directory = temporaryDirectory(t)
  const { wrong } = await killRuns({ directory, mode: 'forever-early', runs: 2 })
  assert.notDeepEqual(wrong, [])
})

async function killRuns({
  directory,
  mode,
  runs,
}: {
  directory: string
  mode: string
  runs: number
}): Promise<{
  acknowledged: number
  wrong: string[]
}> {
  const random = seeded(SEED)
  const given = new Map<string, string>()
  const wrong: string[] = []
  for (let run = 0; run < runs; run += 1) {
    const lines = await saveUntilKilled({ directory, mode, ...moment(mode, random) })
    for (const [, address = '', mac = ''] of lines) {
      if (given.has(address)) wrong.push(`${address} was given to ${given.get(address)} and to ${mac}`)
      given.set(address, mac)
    }
    const stored = await storedLeases(directory)
    for (const [address, mac] of given)
      if (stored.get(address) !== mac)
        wrong.push(`run ${run}: ${address} of ${mac} is ${stored.get(address)}'s`)
  }
  return { acknowledged: given.size, wrong }
}

/** `forever-early` kills itself. */
function moment(mode: string, random: () => number): { lines: number; delay: number } {
  return mode === 'forever' ? { lines: random() * 100, delay: random() * 30 } : { lines: Infinity, delay: 0 }
}

interface Life {
  readonly directory: string
  readonly mode: string
  /** Kill after this many acknowledgements ... */
  readonly lines: number
  /** ... and this many milliseconds. */
  readonly delay: number
}

/** The words of every whole line said before the end. */
async function saveUntilKilled({ directory, mode, lines, delay }: Life): Promise<string[][]> {
  const child = spawn(process.execPath, [SAVER, directory, mode], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  const enough = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += String(chunk)
      if (said.split('\n').length > lines) resolve()
    })
    child.once('close', () => resolve())
  })
  const closed = once(child, 'close')
  await enough
  await sleep(delay)
  assert.equal(child.exitCode, null, `the saver ended by itself: ${said}`)
  child.kill('SIGKILL')
  await closed
  const whole = said.split('\n').slice(0, -1)
  return whole.map((line) => line.split(' ')).filter(([word]) => word === 'ACK')
}

async function storedLeases(directory: string): Promise<Map<string, string>> {
  const reader = await openStateReader(directory)
  const leases = (await reader?.leases()) ?? []
  await reader?.close()
  return new Map(leases.map(({ address, mac }) => [formatIpv4(address), mac]))
}

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
