/**
 * Saves leases and says so on stderr, for tests that watch or kill it: STATE-DIR MODE.
 * `full` or `off`: one lease after another, `SAVE n` before and `ACK n` after each of three.
 * `forever`: like a server, eight at a time, an address that is free and a new client, `ACK address mac` when saved.
 * `forever-early`: the same, but says so before the lease is saved, and dies in between the twentieth time: the bug
 * that the tests must catch, without luck.
 */
import { writeSync } from 'node:fs'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import type { Mac } from '../../src/lib/mac.ts'
import { openStateStore } from '../../src/store/state-store.ts'
import { leaseNumber, leasesOf } from '../helpers/state.ts'

const [stateDir = '', mode = ''] = process.argv.slice(2)
const STDERR = 2
const { store, saved } = await openStateStore({
  stateDir,
  durability: mode === 'off' ? 'off' : 'full',
  onError: (error) => {
    throw error
  },
})

if (mode.startsWith('forever')) await saveForever(mode === 'forever-early')
else await saveThree()

async function saveThree(): Promise<void> {
  for (let n = 1; n <= 3; n += 1) {
    writeSync(STDERR, `SAVE ${n}\n`)
    await store.saveLeases([leaseNumber(n)])
    writeSync(STDERR, `ACK ${n}\n`)
  }
  writeSync(STDERR, 'END\n')
  await store.close()
}

async function saveForever(early: boolean): Promise<void> {
  const used = new Set(leasesOf(saved).map((lease) => lease.address))
  const stored = used.size
  const client = process.pid
  let next = 0
  const serve = async (): Promise<never> => {
    for (;;) {
      const n = next++
      const { address } = leaseNumber(n)
      if (used.has(address)) continue
      const mac =
        `02:${hex(client >>> 16)}:${hex(client >>> 8)}:${hex(client)}:${hex(n >>> 8)}:${hex(n)}` as Mac
      const line = `ACK ${formatIpv4(address)} ${mac}\n`
      if (early) writeSync(STDERR, line)
      if (early && n === stored + 20) process.kill(process.pid, 'SIGKILL')
      await store.saveLeases([{ ...leaseNumber(n), mac }])
      if (!early) writeSync(STDERR, line)
    }
  }
  await Promise.all(Array.from({ length: 8 }, serve))
}

function hex(n: number): string {
  return (n & 255).toString(16).padStart(2, '0')
}
