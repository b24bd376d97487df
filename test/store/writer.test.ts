import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leaseToValues } from '../../src/store/lease-columns.ts'
import type { StoreError } from '../../src/store/store-error.ts'
import { WAITING_LIMIT, Writer } from '../../src/store/writer.ts'
import { leaseNumber, temporaryDirectory } from '../helpers/state.ts'

const CRASHING = new URL('./crashing-writer.ts', import.meta.url)

test('when the writer dies every waiting write is rejected, later ones too, and it is reported once', async (t) => {
  const fatal: StoreError[] = []
  const { writer } = await Writer.start({
    stateDir: temporaryDirectory(t),
    durability: 'off',
    onFatal: (error) => fatal.push(error),
    program: CRASHING,
  })
  const write = { kind: 'leases', rows: [leaseToValues(leaseNumber(1))] } as const
  const outcomes = await Promise.allSettled([writer.write(write), writer.write(write)])
  for (const outcome of outcomes) assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'died')
  await assert.rejects(writer.write(write), { code: 'died', message: /the disk caught fire/ })
  await writer.close()
  assert.equal(fatal.length, 1)
})

test('more waiting writes than the limit are refused at once', async (t) => {
  const stateDir = temporaryDirectory(t)
  const { writer } = await Writer.start({ stateDir, durability: 'off', onFatal: assert.fail })
  const attempt = (n: number) =>
    writer.write({ kind: 'leases', rows: [leaseToValues(leaseNumber(n))] }).then(
      () => 'saved',
      (error: StoreError) => error.code,
    )
  const outcomes = await Promise.all(Array.from({ length: WAITING_LIMIT + 2 }, (_, n) => attempt(n)))
  assert.deepEqual(outcomes.slice(WAITING_LIMIT - 1), ['saved', 'overloaded', 'overloaded'])
  assert.equal(await attempt(0), 'saved')
  await writer.close()
})
