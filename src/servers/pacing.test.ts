import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Pacing } from './pacing.ts'

/** Takes again and again for each client for some time; resolves with the octets each got. */
async function share(
  clients: Readonly<Record<string, number>>,
  pace: { readonly rate?: number; readonly clientRate?: number },
  seconds: number,
): Promise<Readonly<Record<string, number>>> {
  let now = 1000
  const timers = mock.timers
  timers.enable({ apis: ['setTimeout'] })
  try {
    const pacing = new Pacing(() => now)
    const got: Record<string, number> = {}
    const quantum = Pacing.quantum({ network: 'n', client: '', ...pace }) ?? 0
    const load = async (client: string): Promise<void> => {
      for (;;) {
        await pacing.take({ network: 'n', client, ...pace }, quantum)
        got[client] = (got[client] ?? 0) + quantum
      }
    }
    for (const [client, connections] of Object.entries(clients))
      for (let i = 0; i < connections; i += 1) void load(client)
    for (let ms = 0; ms < seconds * 1000; ms += 1) {
      now += 1
      timers.tick(1)
      await Promise.resolve()
    }
    return got
  } finally {
    timers.reset()
  }
}

test('a network has its rate, shared alike by clients, whatever number of connections each has', async () => {
  const got = await share({ a: 1, b: 20, c: 3 }, { rate: 10_000_000 }, 10)
  const sum = Object.values(got).reduce((one, other) => one + other, 0)
  assert.ok(sum > 95e6 && sum < 105e6, `${sum}`)
  for (const octets of Object.values(got)) assert.ok(Math.abs(octets - sum / 3) < 1e6, JSON.stringify(got))
})

test('each client has its own rate at most, and what one leaves the others get', async () => {
  const got = await share({ a: 2, b: 2 }, { clientRate: 2_000_000 }, 10)
  for (const octets of Object.values(got)) assert.ok(octets > 19e6 && octets < 21e6, JSON.stringify(got))
  const both = await share({ a: 2, b: 1 }, { rate: 3_000_000, clientRate: 2_000_000 }, 10)
  const sum = Object.values(both).reduce((one, other) => one + other, 0)
  assert.ok(sum > 28e6 && sum < 32e6, JSON.stringify(both))
})

test('what does not go out after all, and whoever is gone, costs no rate', async () => {
  let now = 1000
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const pacing = new Pacing(() => now)
    const pace = { network: 'n', client: 'a', rate: 1_000_000, clientRate: 1_000_000 }
    const told: string[] = []
    for (let i = 0; i < 100; i += 1) void pacing.take(pace, 20_000, () => true)
    void pacing.take({ ...pace, client: 'b' }, 20_000).then(() => told.push('b'))
    void pacing.take(pace, 1_000_000).then(() => told.push('a'))
    for (let ms = 0; ms < 200; ms += 1) {
      now += 1
      mock.timers.tick(1)
      await Promise.resolve()
    }
    assert.deepEqual(told, ['b', 'a'])
    pacing.giveBack(pace, 990_000)
    void pacing.take(pace, 1).then(() => told.push('again'))
    await Promise.resolve()
    assert.deepEqual(told, ['b', 'a', 'again'])
  } finally {
    mock.timers.reset()
  }
})

test('nothing is paced without a rate; a quantum is 20 ms of it', () => {
  assert.equal(Pacing.quantum({ network: 'n', client: 'a' }), undefined)
  assert.equal(Pacing.quantum({ network: 'n', client: 'a', rate: 1e7 }), 200_000)
  assert.equal(Pacing.quantum({ network: 'n', client: 'a', rate: 1e9, clientRate: 1000 }), 16_384)
})
