/** A writer thread that opens well and dies of its first write. */
import { parentPort } from 'node:worker_threads'

const leases = { networks: [], length: 0, numbers: new Float64Array(), clientIds: new Map() }
parentPort?.postMessage({
  kind: 'ready',
  saved: { leases, attempts: [], boots: [], seen: [], lastEventId: 0 },
})
parentPort?.once('message', () => {
  throw new Error('the disk caught fire')
})
