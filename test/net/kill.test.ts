import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { openStateReader } from '../../src/store/state-reader.ts'
import { runs } from '../helpers/counts.ts'
import { generator } from '../helpers/hostile.ts'
import { endLoads, Load, type LoadPlan } from '../helpers/load.ts'
import { inNetns } from '../helpers/netns.ts'
import { CENTRA_PXE, makeSite, missing, Running, type Site } from '../helpers/server.ts'

/**
 * The real server is killed while hundreds of clients lease addresses from it. What is on the wire is the truth: an ACK that
 * arrived must be in the database, whatever the server was doing when it died.
 */
const RUNS = runs(6, 200)
/** A life with fewer ACKs than this before it ends proves nothing (etcd's rule). */
const ACKS_OF_A_LIFE = 200
/** Lives of the control; every one of them may lose an ACK, and most do. */
const CONTROL_RUNS = 40
const SEED = Number(process.env['CENTRA_KILL_SEED'] ?? 20261123)
const SERVER = '10.77.0.1'
const RELAY = '10.77.0.2'
const PLAN: LoadPlan = { atOnce: 300, fresh: 10, clients: 20_000, prefix: '02:c0' }
const EARLY = path.join(import.meta.dirname, 'early-ack.ts')
const options = { timeout: runs(300_000, 3_600_000), skip: missing('nsenter') }

interface Verdict {
  readonly lives: number
  readonly acks: number
  /** ACKs seen whose lease the database does not have. */
  readonly lost: string[]
  /** Addresses acknowledged to two clients. */
  readonly twice: string[]
  readonly unsound: string[]
}

inNetns(import.meta, (net) => {
  const clients = net.host('clients')
  net.veth(
    { name: 'prov0', address: `${SERVER}/16` },
    { name: 'eth0', address: `${RELAY}/16`, host: clients },
  )
  afterEach(endLoads)
  // Not in the tmpfs of the namespace: a sync shall take its time.
  const folder = mkdtempSync(path.join(tmpdir(), 'centra-kill-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  test(`kill -9 of the server under load, ${RUNS} times (seed ${SEED})`, options, async (t) => {
    const load = new Load(clients, RELAY, SERVER)
    const verdict = await lives({ site: siteIn('sound'), load, runs: RUNS, command: [CENTRA_PXE] })
    tell(t, verdict, load)
    await load.close()
    assert.deepEqual([verdict.lost, verdict.twice, verdict.unsound], [[], [], []])
    assert.deepEqual(load.complaints, [], 'every client keeps its address and is answered again')
    assert.ok(verdict.acks >= RUNS * ACKS_OF_A_LIFE)
  })

  test('the control: ACK before the commit loses ACKs', options, async (t) => {
    const load = new Load(clients, RELAY, SERVER)
    const command = [process.execPath, EARLY]
    const site = siteIn('early')
    const verdict = await lives({
      site,
      load,
      runs: CONTROL_RUNS,
      command,
      until: ({ lost }) => lost.length > 0,
    })
    tell(t, verdict, load)
    await load.close()
    assert.notDeepEqual(verdict.lost, [])
  })

  function siteIn(name: string): Site {
    return makeSite(path.join(folder, name), (text) =>
      text
        .replace('subnet: 10.77.0.0/24', 'subnet: 10.77.0.0/16')
        .replace('pool: 10.77.0.100-10.77.0.199', 'pool: 10.77.1.0-10.77.120.255')
        .replace('lease: 1h', 'lease: 1d'),
    )
  }
})

async function lives({
  site,
  load,
  runs: count,
  command,
  until = () => false,
}: {
  readonly site: Site
  readonly load: Load
  readonly runs: number
  readonly command: readonly string[]
  readonly until?: (verdict: Verdict) => boolean
}): Promise<Verdict> {
  const random = generator(SEED)
  const holder = new Map<string, string>()
  const addressOf = new Map<string, string>()
  const verdict = { lives: 0, acks: 0, lost: [], twice: [], unsound: [] } as Verdict & {
    lives: number
    acks: number
  }
  for (let life = 1; life <= count && !until(verdict); life += 1) {
    const [program = '', ...args] = command
    const serving = [...args, 'serve', '--config', site.config]
    const server = new Running(spawn(program, serving, { stdio: ['ignore', 'pipe', 'pipe'] }))
    await server.stderrMatch(/^ready .*$/m)
    const before = load.acks.length
    load.go(PLAN)
    await load.acknowledged(before + ACKS_OF_A_LIFE)
    await sleep(random(400))
    assert.equal(server.hasExited, false, server.stderr)
    assert.deepEqual(await server.stop('SIGKILL'), { code: null, signal: 'SIGKILL' })
    await load.halt()
    for (const { mac, address } of load.acks.slice(before)) {
      const other = holder.get(address)
      if (other !== undefined && other !== mac) verdict.twice.push(`life ${life}: ${address} ${other} ${mac}`)
      holder.set(address, mac)
      addressOf.set(mac, address)
    }
    verdict.lives = life
    verdict.acks = load.acks.length
    await inspect(site, { life, addressOf, verdict })
  }
  return verdict
}

/** Read-only, so that the next life begins with the log as the dead one left it. */
async function inspect(
  { stateDir }: Site,
  { life, addressOf, verdict }: { life: number; addressOf: ReadonlyMap<string, string>; verdict: Verdict },
): Promise<void> {
  const database = new DatabaseSync(path.join(stateDir, 'state.db'), { readOnly: true })
  const found = database.prepare('PRAGMA integrity_check').get()?.['integrity_check']
  database.close()
  if (found !== 'ok') verdict.unsound.push(`life ${life}: ${String(found)}`)
  const reader = await openStateReader(stateDir)
  const leases = (await reader?.leases()) ?? []
  await reader?.close()
  const bound = new Map<string, string>()
  for (const { mac, address, state } of leases) if (state === 'bound') bound.set(mac, formatIpv4(address))
  for (const [mac, address] of addressOf)
    if (bound.get(mac) !== address) verdict.lost.push(`life ${life}: ${mac} ${address}`)
}

function tell(t: TestContext, { lives: count, acks, lost, twice, unsound }: Verdict, load: Load): void {
  t.diagnostic(
    `${count} lives, ${acks} ACKs to ${load.counts.clients} clients: ${lost.length} lost, ${twice.length} given twice, ` +
      `${unsound.length} unsound databases, ${load.complaints.length} complaints`,
  )
}
