/** The part of `npm run interop` that runs in the private world: `inside.ts PLAN`, a file written by `scripts/interop.ts`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Found } from '../../bench/peers.ts'
import { enterNetwork } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import type { Running } from '../helpers/server.ts'
import { AWKWARD, interopFile, LOSSY_SIZE, WRAPPING } from './files.ts'
import { type FirmwareParts, prepareFirmware, RELAY_ADDRESS, runFirmware } from './firmware.ts'
import { HTTP_PROGRAMS } from './http-programs.ts'
import type { Row, Trial } from './matrix.ts'
import { answersTftp, type PeerServer, startPeer } from './peers.ts'
import { runTrial, type Scene, startRelay } from './run-trial.ts'
import { makeInteropSite, startServer } from './site.ts'
import { TFTP_PROGRAMS } from './tftp-programs.ts'

export interface InteropPlan {
  readonly isFast: boolean
  /** Rows whose name has this, as a regular expression. */
  readonly only?: string
  readonly peers: readonly { readonly name: PeerServer; readonly found: Found }[]
  /** Debian's versions of the clients' packages; absent: not installed. */
  readonly versions: Readonly<Record<string, string>>
  /** Absent: no firmware rows. */
  readonly firmware?: FirmwareParts
  /** Where the rows go. */
  readonly result: string
}

const say = (line: string): void => void process.stderr.write(`interop: ${line}\n`)
/** Through the relay a client mostly waits. */
const LOSSY_AT_ONCE = 4
const SITE = '/run/site'

process.once('SIGTERM', () => process.exit(143))
const plan: InteropPlan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const wanted = [...TFTP_PROGRAMS, ...HTTP_PROGRAMS]
  .filter((trial) => !(plan.isFast && trial.isSlow === true))
  .map((trial) => (plan.isFast ? firstSeed(trial) : trial))
  .filter((trial) => plan.only === undefined || new RegExp(plan.only, 'i').test(nameOf(trial)))
const net = enterNetwork()
const { scene, server } = await prepare()
const rows: Row[] = []
await inParallel(
  wanted.filter(({ lossy }) => lossy === undefined),
  1,
)
await inParallel(
  wanted.filter(({ lossy }) => lossy !== undefined),
  LOSSY_AT_ONCE,
)
const firmware = await firmwareRows()
writeFileSync(plan.result, JSON.stringify([...rows, ...firmware]))
process.exit(0)

async function firmwareRows(): Promise<readonly Row[]> {
  const { firmware: parts, only } = plan
  if (parts === undefined) return []
  const rates = { drop: 20, duplicate: 20, reorder: 50, delay: 50 }
  const plans = { listen: RELAY_ADDRESS, server: '10.77.0.1', seed: 1, rates }
  const relay = await startRelay(scene.client, plans)
  try {
    return await runFirmware({
      ...{ net, server, dir: SITE, parts, versionOf: scene.versionOf, say },
      isWanted: (name) => only === undefined || new RegExp(only, 'i').test(name),
    })
  } finally {
    say(`the machines' relay: ${JSON.stringify(await relay.stop())}`)
  }
}

async function prepare(): Promise<{ readonly scene: Scene; readonly server: Running }> {
  const client = net.host('client')
  net.veth({ name: 'port1' }, { name: 'eth0', address: '10.77.0.50/24', host: client })
  const folder = `${SITE}/firmware`
  const peers = plan.peers.flatMap(({ name, found }, i) =>
    found.kind === 'missing'
      ? []
      : [{ name, program: found.program, address: `10.77.0.${3 + i}`, port: `port${i + 2}` }],
  )
  for (const { name, program, address, port } of peers)
    startPeer(net, name, program, { address, port, folder })
  net.bridge('prov0', ['port1', ...peers.map(({ port }) => port)], { address: '10.77.0.1/24' })
  // Otherwise it takes the lowest of its ports, which come and go.
  net.run('ip', 'link', 'set', 'prov0', 'address', '02:00:00:00:00:01')
  const told = answerRouterSolicitations('prov0')
  if (!told.ok) say(told.error)
  const files = [...AWKWARD, WRAPPING, LOSSY_SIZE, LOSSY_SIZE * 3].map(interopFile)
  const more = plan.firmware === undefined ? {} : prepareFirmware(SITE, plan.firmware)
  const site = await makeInteropSite(SITE, files, more)
  const running = await startServer(site)
  const answering = new Map<string, string>()
  for (const { name, address } of peers)
    if (await answersTftp(address, 'size-1.bin')) answering.set(name, address)
    else say(`${name} does not answer`)
  mkdirSync('/run/out')
  const versionOf = (name: string): string => plan.versions[name] ?? ''
  const work = '/run/out'
  return { scene: { client, target: site.target, work, peers: answering, versionOf }, server: running }
}

function firstSeed(trial: Trial): Trial {
  const { lossy } = trial
  return lossy === undefined ? trial : { ...trial, lossy: { ...lossy, seeds: lossy.seeds.slice(0, 1) } }
}

/** What `--only` is held against. */
function nameOf({ client, plane, option, lossy }: Trial): string {
  return `${client}, ${plane}, ${option}, ${lossy === undefined ? 'direct' : 'lossy'}`
}

async function inParallel(trials: readonly Trial[], width: number): Promise<void> {
  const queue = trials.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const trial of queue) {
        const row = plan.versions[trial.package] === undefined ? absent(trial) : await runTrial(trial, scene)
        rows[wanted.indexOf(trial)] = row
        say(`${nameOf(trial)}: ${row.result} ${row.identical}/${row.files} ${row.seconds.toFixed(1)} s`)
        for (const { file, seed, why, others } of row.troubles)
          say(`  ${file}${seed === undefined ? '' : ` seed ${seed}`}: ${why} (${others.join('; ')})`)
      }
    }),
  )
}

function absent({ client, plane, option, lossy, package: debian }: Trial): Row {
  return {
    ...{ client, version: '', plane, option, path: lossy === undefined ? 'direct' : 'lossy', proof: '' },
    ...{ result: 'missing', files: 0, identical: 0, octets: 0, seconds: 0, megabytesPerSecond: 0 },
    troubles: [{ file: '', why: `the package ${debian} is not installed`, others: [] }],
  }
}
