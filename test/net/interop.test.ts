import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { before, test } from 'node:test'
import { missing } from '../helpers/server.ts'
import type { Row } from '../interop/matrix.ts'
import { hasFailed } from '../interop/report.ts'

/** `npm run interop -- --fast`: programs against the real server, directly and through the lossy relay. */
const COMMAND = path.join(import.meta.dirname, '../../scripts/interop.ts')
const skip = process.getuid?.() !== 0 ? 'needs root' : missing('curl', 'atftp', 'tftp', 'busybox', 'wget')
const options = { timeout: 300_000, skip }

let rows: readonly Row[] = []
let talk = ''

before(async () => {
  if (skip !== false) return
  const child = spawn(process.execPath, [COMMAND, '--fast', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let json = ''
  child.stdout.on('data', (chunk: Buffer) => {
    json += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    talk += chunk.toString()
  })
  await once(child, 'close')
  assert.ok(json.startsWith('['), talk)
  rows = JSON.parse(json)
}, options)

test('every client of the interop matrix gets every file, byte for byte', options, async (context) => {
  assert.ok(rows.length > 40, talk)
  for (const row of rows)
    await context.test(`${row.plane} ${row.client}, ${row.option}, ${row.path.split(':')[0]}`, () => {
      assert.ok(!hasFailed(row), JSON.stringify(row.troubles))
    })
})

test('T18: 65538 blocks of 512 octets: the block number wraps, the file is whole', options, () => {
  const wrapped = rows.filter(({ option }) => option.endsWith('65538 blocks'))
  assert.ok(wrapped.length > 0)
  for (const { octets, identical } of wrapped) assert.deepEqual([octets, identical], [33_555_209, 1])
})

test('the lossy relay lost, repeated and exchanged datagrams in every row it was in', options, () => {
  const lossy = rows.filter((row) => row.path !== 'direct')
  assert.ok(lossy.length >= 8)
  for (const { path: said, client, option } of lossy) {
    const counts = /(\d+) lost, (\d+) twice, (\d+) out of order, (\d+) late/.exec(said)?.slice(1).map(Number)
    assert.ok(
      counts?.every((count) => count > 0),
      `${client}, ${option}: ${said}`,
    )
  }
})
