/** Runs one row of the matrix: the client, directly or through the lossy relay, and what it wrote held against the file. */
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '../helpers/netns.ts'
import type { RelayCounts, RelayPlan } from './lossy-relay.ts'
import type { Row, Step, Target, Trial, Trouble } from './matrix.ts'

const PATIENCE_MS = 30_000
const TRIES_ELSEWHERE = 5
const RELAY_PROGRAM = join(import.meta.dirname, 'relay-program.ts')

export interface Scene {
  /** Where the clients are. */
  readonly client: Host
  readonly target: Target
  /** A folder for what the clients write. */
  readonly work: string
  readonly versionOf: (debianPackage: string) => string
  /** Other servers of the same files, by name, for a client's defects. */
  readonly peers: ReadonlyMap<string, string>
}

interface Outcome {
  readonly why: string | undefined
  readonly octets: number
  readonly seconds: number
}

let runs = 0

export async function runTrial(trial: Trial, scene: Scene): Promise<Row> {
  const version = scene.versionOf(trial.package)
  const { client, plane, option, lossy } = trial
  const troubles: Trouble[] = []
  const counts: RelayCounts[] = []
  const { server } = scene.target
  let [files, octets, seconds, largest, speed] = [0, 0, 0, 0, 0]
  const runSeed = async (seed: number | undefined): Promise<void> => {
    for (const step of trial.steps) {
      const outcome = await runStep({ trial, step, seed, server }, scene, counts)
      files += 1
      octets += outcome.octets
      seconds += outcome.seconds
      if (outcome.octets >= largest) {
        largest = outcome.octets
        speed = outcome.octets / 1e6 / outcome.seconds
      }
      if (outcome.why !== undefined)
        troubles.push({
          file: step.file.name,
          ...(seed === undefined ? {} : { seed }),
          why: outcome.why,
          others: await askOthers({ trial, step, seed, server }, scene, outcome.why),
        })
    }
  }
  await Promise.all((lossy?.seeds ?? [undefined]).map(runSeed))
  return {
    ...{ client, version, plane, option, path: lossy === undefined ? 'direct' : pathOf(trial, counts) },
    result: resultOf(troubles),
    proof: trial.steps.some(({ judge }) => judge !== undefined) ? 'headers' : 'sha256',
    ...{ files, identical: files - troubles.length, octets, seconds, megabytesPerSecond: speed, troubles },
  }
}

/** A defect that shows with every other server as well is the client's. */
function resultOf(troubles: readonly Trouble[]): Row['result'] {
  if (troubles.length === 0) return 'ok'
  const isClients = troubles.every(
    ({ others }) => others.length > 0 && others.every((said) => !said.endsWith(': ok')),
  )
  return isClients ? 'client' : 'failed'
}

function pathOf({ lossy }: Trial, counts: readonly RelayCounts[]): string {
  const sum = (key: keyof RelayCounts): number => counts.reduce((total, one) => total + one[key], 0)
  return `seeds ${lossy?.seeds.join(' ')}: of ${sum('passed') + sum('dropped')} datagrams ${sum('dropped')} lost, ${sum('duplicated')} twice, ${sum('reordered')} out of order, ${sum('delayed')} late`
}

interface Run {
  readonly trial: Trial
  readonly step: Step
  readonly seed: number | undefined
  /** Dotted decimal. */
  readonly server: string
}

async function askOthers(run: Run, scene: Scene, same: string): Promise<readonly string[]> {
  if (run.trial.plane !== 'TFTP') return []
  return Promise.all(
    [...scene.peers].map(async ([name, server]) => {
      let why: string | undefined
      // Some defects need their moment.
      for (let tries = 0; tries < TRIES_ELSEWHERE && why === undefined; tries += 1)
        ({ why } = await runStep({ ...run, server }, scene, []))
      return `${name}: ${why === same ? 'the same' : (why ?? 'ok')}`
    }),
  )
}

async function runStep(
  { trial, step, seed, server }: Run,
  scene: Scene,
  counts: RelayCounts[],
): Promise<Outcome> {
  runs += 1
  if (seed === undefined || trial.lossy === undefined)
    return runClient(trial, step, { ...scene.target, server }, scene)
  // Loopback of the clients' host: each relay has an address of its own there.
  const listen = `127.7.${runs >> 8}.${runs & 255}`
  const relay = await startRelay(scene.client, { listen, server, seed, rates: trial.lossy.rates })
  try {
    return await runClient(trial, step, { ...scene.target, server: listen }, scene)
  } finally {
    counts.push(await relay.stop())
  }
}

/** A relay on a host: resolves when it listens. */
export async function startRelay(
  host: Host,
  plan: RelayPlan,
): Promise<{ readonly stop: () => Promise<RelayCounts> }> {
  const child = host.spawn(process.execPath, [RELAY_PROGRAM, JSON.stringify([plan])])
  let [said, wrong] = ['', '']
  child.stderr?.on('data', (chunk: Buffer) => {
    wrong += chunk.toString()
  })
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.startsWith('ready\n')) resolve()
    })
    child.once('exit', () => reject(new Error(`the relay ended: ${wrong}`)))
  })
  return {
    async stop() {
      const closed = once(child, 'close')
      child.kill('SIGTERM')
      await closed
      const [counts]: RelayCounts[] = JSON.parse(said.slice('ready\n'.length))
      if (counts === undefined) throw new Error(`the relay said nothing: ${wrong}`)
      return counts
    },
  }
}

async function runClient(trial: Trial, step: Step, at: Target, scene: Scene): Promise<Outcome> {
  const out = join(scene.work, `out-${runs}-${Math.random().toString(36).slice(2)}`)
  if (step.before !== undefined) writeFileSync(out, step.before)
  const patience = trial.patience ?? PATIENCE_MS
  const command = ['-k', '2', `${patience / 1000}`, ...step.command(out, at)]
  const begun = performance.now()
  const child = scene.client.spawn('timeout', command)
  const closing = once(child, 'close')
  let talk = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      talk = (talk + chunk.toString('latin1')).slice(0, 2000)
    })
  const [code] = await closing
  const seconds = (performance.now() - begun) / 1000
  const got = existsSync(out) ? readFileSync(out) : undefined
  rmSync(out, { force: true })
  return { why: whatIsWrong(step, code, got, talk), octets: got?.length ?? 0, seconds }
}

function whatIsWrong(
  { file, expected = file.bytes, judge }: Step,
  code: number | null,
  got: Buffer | undefined,
  talk: string,
): string | undefined {
  const said = talk.trim().split('\n').at(-1)?.trim() ?? ''
  if (code === 124) return `not done in time, ${got?.length ?? 0} of ${expected.length} octets came`
  if (code !== 0) return `exit code ${code}: ${said}`
  // curl makes no file where no octet came.
  const bytes = got ?? Buffer.alloc(0)
  if (judge !== undefined) return judge(bytes)
  if (bytes.equals(expected)) return undefined
  return bytes.length === expected.length
    ? `other bytes from octet ${bytes.findIndex((octet, i) => octet !== expected[i])} on`
    : `${bytes.length} octets, not ${expected.length} ${said}`.trim()
}
