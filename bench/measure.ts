import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Contender } from './contender.ts'
import {
  clientMac,
  LARGE_POOL,
  POOL,
  type Pool,
  reservedNodes,
  type SeededLease,
  seededLeases,
} from './lan.ts'
import { type BenchOptions, clientsOfStep, LADDER_CLIENTS } from './options.ts'
import { type PeerName, type Program, titleOf } from './peers.ts'
import type { GrowthRun, LadderRun, StartRun } from './report.ts'
import { dropShare, isExhausted } from './statistics.ts'

export interface Setup {
  readonly options: BenchOptions
  /** A folder on the disk that is measured. */
  readonly work: string
  readonly perfdhcp: Program
  readonly programs: Readonly<Partial<Record<PeerName, Program>>>
  readonly say: (line: string) => void
  /** Called when a peer cannot be measured, or not any further. */
  readonly onTrouble: (peer: PeerName, why: string) => void
}

/** Leases for the figures of memory and of the start. */
const MANY_LEASES = 100_000
/** Exchanges a second in them: every server manages that. */
const GENTLE_RATE = 20
const GROWTH_SIZES = [100, 1000, 10_000, 100_000] as const
const GROWTH_RATE = 1000

/** Every peer up the ladder, alternating step by step, each repeat on fresh state. */
export async function measureLadders(setup: Setup): Promise<readonly LadderRun[]> {
  const { options } = setup
  const runs: LadderRun[] = []
  for (let repeat = 1; repeat <= options.repeats; repeat += 1) {
    setup.say(
      `repeat ${repeat} of ${options.repeats}: starting the servers, each with ${options.leases} leases`,
    )
    const leases = seededLeases(options.leases, POOL)
    const started = await startAll(refusing(setup, 'not available'), (peer) => ({
      id: `${peer}-${repeat}`,
      pool: POOL,
      leases,
    }))
    const steps = await climb(setup, started)
    for (const [peer, contender] of started) {
      await contender.stop()
      runs.push({ peer, repeat, steps: steps.get(peer) ?? [] })
    }
  }
  return runs
}

type Steps = Map<PeerName, LadderRun['steps'][number][]>

async function climb(setup: Setup, started: ReadonlyMap<PeerName, Contender>): Promise<Steps> {
  const { rates, seconds } = setup.options
  const steps: Steps = new Map([...started.keys()].map((peer) => [peer, []]))
  const failed = new Set<PeerName>()
  let firstClient = 0
  for (const rate of rates) {
    const count = clientsOfStep(rate, seconds)
    if (firstClient + count > LADDER_CLIENTS) firstClient = 0
    const clients = { kind: 'fresh', firstMac: clientMac(firstClient), count } as const
    firstClient += count
    for (const [peer, contender] of started) {
      const own = steps.get(peer) ?? []
      if (failed.has(peer) || isExhausted(own)) continue
      try {
        const step = await contender.load({ rate, seconds, clients })
        own.push(step)
        const done = `${step.completed} of ${step.started} exchanges`
        const cpu = `${step.cpuSeconds.toFixed(2)} s CPU`
        setup.say(`${rate}/s ${titleOf(peer)}: ${done}, ${(dropShare(step) * 100).toFixed(1)} % lost, ${cpu}`)
      } catch (error) {
        failed.add(peer)
        setup.onTrouble(peer, `at ${rate}/s: ${reasonOf(error)}`)
      }
    }
  }
  return steps
}

/** Memory and the time to the first OFFER of servers that have many leases, one after another. */
export async function measureStarts(setup: Setup): Promise<readonly StartRun[]> {
  const { peers, repeats } = setup.options
  const leases = seededLeases(MANY_LEASES, LARGE_POOL)
  const runs: StartRun[] = []
  for (let repeat = 1; repeat <= repeats; repeat += 1) {
    for (const peer of peers) {
      // A peer that once did not come up in time will not the next time.
      if (repeat > 1 && !runs.some((run) => run.peer === peer)) continue
      const wanted = { id: `${peer}-many${repeat}`, pool: LARGE_POOL, leases }
      const one = { ...setup, options: { ...setup.options, peers: [peer] } }
      const startable = refusing(one, `not available with ${MANY_LEASES} leases`)
      for (const contender of (await startAll(startable, () => wanted)).values())
        runs.push(...(await measureStart(setup, contender, { peer, repeat })))
    }
  }
  return runs
}

async function measureStart(
  { options: { seconds }, say, onTrouble }: Setup,
  contender: Contender,
  { peer, repeat }: Pick<StartRun, 'peer' | 'repeat'>,
): Promise<readonly StartRun[]> {
  const { firstOfferMs } = contender
  const clients = { kind: 'fresh', firstMac: clientMac(0), count: GENTLE_RATE * seconds } as const
  try {
    const { residentMiB } = await contender.load({ rate: GENTLE_RATE, seconds, clients })
    const figures = `${residentMiB.toFixed(0)} MiB, first OFFER after ${firstOfferMs.toFixed(0)} ms`
    say(`${MANY_LEASES} leases, ${titleOf(peer)}: ${figures}`)
    return [{ peer, repeat, leases: MANY_LEASES, firstOfferMs, residentMiB }]
  } catch (error) {
    onTrouble(peer, `with ${MANY_LEASES} leases: ${reasonOf(error)}`)
    return []
  } finally {
    await contender.stop()
  }
}

/** Our own server with as many nodes as leases, in sizes that alternate; the clients are its nodes, in random order. */
export async function measureGrowth(setup: Setup): Promise<readonly GrowthRun[]> {
  const { options, say } = setup
  const started = new Map<number, { readonly contender: Contender; readonly file: string }>()
  const own = { ...setup, options: { ...options, peers: ['centra-pxe'] as const } }
  for (const size of GROWTH_SIZES) {
    say(`starting with ${size} nodes and leases`)
    const nodes = reservedNodes(size)
    const file = join(setup.work, `macs-${size}`)
    writeFileSync(file, nodes.map(({ mac }) => `${mac}\n`).join(''))
    const one = await startAll(refusing(own, `not available with ${size} nodes`), () => ({
      id: `size-${size}`,
      pool: POOL,
      leases: nodes,
      nodes,
    }))
    for (const contender of one.values()) started.set(size, { contender, file })
  }
  const runs: GrowthRun[] = []
  // Round 0 warms up and is not counted.
  for (let repeat = 0; repeat <= options.repeats; repeat += 1) {
    for (const [size, { contender, file }] of started) {
      const clients = { kind: 'listed', file } as const
      const step = await contender.load({ rate: GROWTH_RATE, seconds: options.seconds, clients })
      const cost = ((step.cpuSeconds * 1e6) / step.completed).toFixed(0)
      say(`${repeat === 0 ? 'warm-up' : `repeat ${repeat}`}, ${size} nodes: ${cost} us CPU per exchange`)
      if (repeat > 0) runs.push({ size, repeat, firstOfferMs: contender.firstOfferMs, step })
    }
  }
  for (const { contender } of started.values()) await contender.stop()
  return runs
}

/** What a server that does not start is told to be. */
function refusing(setup: Setup, prefix: string): Setup {
  return { ...setup, onTrouble: (peer, why) => setup.onTrouble(peer, `${prefix}: ${why}`) }
}

interface Wanted {
  readonly id: string
  readonly pool: Pool
  readonly leases: readonly SeededLease[]
  readonly nodes?: readonly SeededLease[]
}

async function startAll(
  { options, programs, perfdhcp, work, onTrouble }: Setup,
  wantedOf: (peer: PeerName) => Wanted,
): Promise<ReadonlyMap<PeerName, Contender>> {
  const started = new Map<PeerName, Contender>()
  for (const peer of options.peers) {
    const program = programs[peer]
    if (program === undefined) continue
    const wanted = wantedOf(peer)
    try {
      const contender = await Contender.start({
        ...wanted,
        peer,
        program,
        perfdhcp,
        dir: join(work, wanted.id),
      })
      started.set(peer, contender)
    } catch (error) {
      onTrouble(peer, reasonOf(error))
    }
  }
  return started
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
