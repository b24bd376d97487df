import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { afterEach, type TestContext, test } from 'node:test'
import { runs } from '../helpers/counts.ts'
import { endLoads, Load, type LoadPlan } from '../helpers/load.ts'
import { inNetns } from '../helpers/netns.ts'
import { endAll, makeSite, missing, type Running, type Site, serve } from '../helpers/server.ts'

/** Floods at the real server, while good clients and a described node lease their addresses again and again. */
const MUTATED = runs(10_000, 1_000_000)
const STRANGERS = runs(20_000, 100_000)
const PER_SECOND = 5000
/** What a flood may add to the resident memory, in MiB: the machines and offers that are remembered, and garbage. */
const GROWTH_MIB = runs(64, 96)
/** Lines about everybody but the good clients: at the begin of a flood, and then a second. */
const LINES = { burst: 400, perSecond: 10 } as const
const SERVER = '10.77.0.1'
const RELAYS = ['10.77.0.2', '10.77.0.3', '10.77.0.4'] as const
const GOOD: LoadPlan = { atOnce: 100, fresh: 0, clients: 100, prefix: '02:c0', pauseMs: 300 }
const NODE: LoadPlan = { atOnce: 1, fresh: 0, clients: 1, prefix: '02:aa', pauseMs: 100 }
const options = { timeout: runs(120_000, 1_800_000), skip: missing('nsenter') }

inNetns(import.meta, (net) => {
  const clients = net.host('clients')
  net.veth(
    { name: 'prov0', address: `${SERVER}/16` },
    { name: 'eth0', address: `${RELAYS[0]}/16`, host: clients },
  )
  for (const relay of RELAYS.slice(1)) clients.run('ip', 'address', 'add', `${relay}/16`, 'dev', 'eth0')
  afterEach(endLoads)
  afterEach(endAll)

  test(
    `${MUTATED} random and mutated packets: good clients are served, memory and log stay small`,
    options,
    async (t) => {
      const server = await serve(site('/run/mutated', '10.77.1.0-10.77.40.255'), '--log', 'json')
      const good = await served(new Load(clients, RELAYS[0], SERVER), GOOD)
      const node = await served(new Load(clients, RELAYS[1], SERVER), NODE)
      const flood = await watched(server, () =>
        good.send({ kind: 'mutated', count: MUTATED, perSecond: PER_SECOND, seed: 20261123 }),
      )
      await judge(t, { server, flood, loads: [good, node] })
    },
  )

  test(
    `${STRANGERS} MAC addresses nobody knows: who has a lease or a reservation keeps it`,
    options,
    async (t) => {
      const server = await serve(site('/run/strangers', '10.77.1.0-10.77.1.255'), '--log', 'json')
      const good = await served(new Load(clients, RELAYS[0], SERVER), GOOD)
      const node = new Load(clients, RELAYS[1], SERVER)
      const flood = await watched(server, async () => {
        const sent = good.send({ kind: 'strangers', count: STRANGERS, perSecond: PER_SECOND, seed: 20261123 })
        // The node boots for the first time, in the middle of it.
        await served(node, NODE)
        await sent
      })
      const begun = performance.now()
      const newcomers = await served(new Load(clients, RELAYS[2], SERVER), {
        ...{ atOnce: 100, fresh: 100, clients: 100, prefix: '02:ee', pauseMs: 60_000 },
      })
      t.diagnostic(`then 100 newcomers had their addresses after ${seconds(performance.now() - begun)} s`)
      await judge(t, { server, flood, loads: [good, node] })
      await newcomers.close()
    },
  )

  test(
    'O06: 50 DISCOVERs a second of one client: at most 10 OFFERs a second, and few lines',
    options,
    async (t) => {
      const server = await serve(site('/run/chatty', '10.77.1.0-10.77.1.255'), '--log', 'json')
      const load = new Load(clients, RELAYS[0], SERVER)
      const flood = await watched(server, () =>
        load.send({ kind: 'chatty', count: 500, perSecond: 50, seed: 1 }),
      )
      await load.halt()
      const { offers } = load.counts
      t.diagnostic(`${offers} OFFERs and ${flood.lines} lines in ${seconds(flood.ms)} s`)
      assert.ok(offers >= 50 && offers <= 20 + (flood.ms / 1000) * 10, `${offers} OFFERs`)
      assert.ok(flood.lines <= 30 + 20 + (flood.ms / 1000) * 2, `${flood.lines} lines`)
      await server.stop()
      await load.close()
    },
  )
})

interface Flood {
  readonly ms: number
  /** Lines of the log that are about no good client. */
  readonly lines: number
  /** Resident memory in MiB: before, and at the end of each tenth of the flood. */
  readonly before: number
  readonly since: readonly number[]
}

async function watched(server: Running, send: () => Promise<unknown>): Promise<Flood> {
  const from = server.stderr.length
  const before = residentMib(server)
  const samples: number[] = []
  const timer = setInterval(() => samples.push(residentMib(server)), 100)
  const begun = performance.now()
  await send().finally(() => clearInterval(timer))
  const lines =
    server.stderr
      .slice(from)
      .split('\n')
      .filter((line) => !/"mac":"02:(c0|aa)/.test(line)).length - 1
  samples.push(residentMib(server))
  const since = Array.from(
    { length: 10 },
    (_, n) => samples[Math.ceil(((n + 1) * samples.length) / 10) - 1] ?? NaN,
  )
  return { ms: performance.now() - begun, lines, before, since }
}

async function judge(
  t: TestContext,
  { server, flood, loads }: { server: Running; flood: Flood; loads: readonly Load[] },
): Promise<void> {
  for (const load of loads) await load.halt()
  const exchanged = loads.map(({ counts }) => counts.exchanged)
  t.diagnostic(
    `${seconds(flood.ms)} s, ${flood.lines} lines about the flood, resident ${flood.before.toFixed(0)} MiB and then ` +
      `${flood.since.map((mib) => mib.toFixed(0)).join(' ')}; exchanges of good clients and of the node: ${exchanged.join(', ')}; ` +
      `complaints: ${loads.flatMap(({ complaints }) => complaints).length}`,
  )
  assert.deepEqual(
    loads.flatMap(({ complaints }) => complaints),
    [],
  )
  assert.equal(server.hasExited, false)
  assert.doesNotMatch(server.stderr, /"level":"error"/)
  const growth = Math.max(...flood.since) - flood.before
  assert.ok(growth <= GROWTH_MIB, `memory grew by ${growth} MiB`)
  assert.ok(flood.lines <= LINES.burst + (flood.ms / 1000) * LINES.perSecond, `${flood.lines} lines`)
  assert.deepEqual(await server.stop(), { code: 0, signal: null })
  for (const load of loads) await load.close()
}

/** Begins, and resolves when every client of the plan has its address. */
async function served(load: Load, plan: LoadPlan): Promise<Load> {
  load.go(plan)
  await load.acknowledged(plan.clients)
  return load
}

function site(folder: string, pool: string): Site {
  return makeSite(folder, (text) =>
    text
      .replace('subnet: 10.77.0.0/24', 'subnet: 10.77.0.0/16')
      .replace('pool: 10.77.0.100-10.77.0.199', `pool: ${pool}`)
      .replace('mac: 52:54:00:77:00:01', 'mac: 02:aa:00:00:00:00'),
  )
}

function residentMib(server: Running): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}
