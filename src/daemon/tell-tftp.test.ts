import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore, running as runningIn } from '../../test/helpers/memory.ts'
import { world } from '../../test/helpers/world.ts'
import { TFTP_ERROR } from '../protocol/tftp/packet.ts'
import { TftpTeller } from './tell-tftp.ts'

test('what is refused to the port of a transfer leaves the transfer alone', () => {
  const { running, on } = runningIn(world(), new MemoryStore())
  const teller = new TftpTeller(running)
  const client = { address: '10.77.0.11', port: 2070 }
  const sent = (): readonly number[] => running.transfers.list().map((transfer) => transfer.sent)
  const file = { client, name: 'undionly.kpxe', size: 70_000 }
  teller.tell({ ...file, kind: 'start', blksize: 1408 }, on)
  const code = TFTP_ERROR.accessViolation
  teller.tell({ client, kind: 'refused', name: 'undionly.kpxe', reason: 'Read-only server', code }, on)
  teller.tell({ ...file, kind: 'progress', bytes: 14_080 }, on)
  assert.deepEqual(sent(), [14_080])
  teller.tell({ client, kind: 'done', name: file.name, bytes: file.size, milliseconds: 9 }, on)
  assert.deepEqual(sent(), [])
})
