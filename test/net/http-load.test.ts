/** Many, slow and hostile clients of the HTTP plane: memory, and what boots beside them feel. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { HttpLoad, HttpYield } from '../../bench/http-client.ts'
import { runs } from '../helpers/counts.ts'
import type { Hostile, Suffered } from '../helpers/http-hostile.ts'
import { inNetns } from '../helpers/netns.ts'
import { eventually, makeSite, type Running, serve } from '../helpers/server.ts'

const MB = 1_000_000
const MIB = 2 ** 20
/** Of the file that is loaded. H19 asks for 500 MB. */
const SIZE = runs(64, 500) * MB
const CLIENT = path.join(import.meta.dirname, '../../bench/http-client.ts')
const HOSTILE = path.join(import.meta.dirname, '../helpers/http-hostile.ts')

/** Writes random octets; resolves with their hash. */
function makeFile(file: string, size: number): string {
  const hash = createHash('sha256')
  const opened = openSync(file, 'w')
  for (let left = size; left > 0; left -= MB) {
    const bytes = randomBytes(Math.min(left, MB))
    hash.update(bytes)
    writeSync(opened, bytes)
  }
  closeSync(opened)
  return hash.digest('hex')
}

/** Resident memory of a process in octets, now and at its highest. */
function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
  return { now: field('VmRSS'), peak: field('VmHWM') }
}

inNetns(import.meta, (net) => {
  const [clients, boots] = [net.host('clients'), net.host('boots')]
  net.run('ip', 'link', 'add', 'prov0', 'type', 'bridge')
  net.run('ip', 'addr', 'add', '10.77.0.1/24', 'dev', 'prov0')
  net.run('ip', 'link', 'set', 'prov0', 'up')
  net.veth({ name: 'port1' }, { name: 'eth0', address: '10.77.0.60/24', host: clients })
  net.veth({ name: 'port2' }, { name: 'eth0', address: '10.77.0.61/24', host: boots })
  const addresses = (host: typeof clients, first: number, count: number): readonly string[] => {
    const all = Array.from({ length: count }, (_, i) => `10.77.0.${first + i}`)
    for (const address of all) host.run('ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    return all
  }
  const [machines, crowd] = [addresses(boots, 62, 50), addresses(clients, 120, 130)]
  for (const port of ['port1', 'port2']) net.run('ip', 'link', 'set', port, 'master', 'prov0')
  const site = makeSite('/run/site', (text) =>
    text.replace('images:\n', 'images:\n  big: { kernel: ./images/big }\n'),
  )
  const sha256 = makeFile(path.join(site.dir, 'images/big'), SIZE)
  const target = `/images/big/${sha256}/big`
  let server: Running

  const finish = async (child: ChildProcess): Promise<string> => {
    let said = ''
    child.stdout?.on('data', (bytes) => {
      said += String(bytes)
    })
    await once(child, 'close')
    return said.trim().split('\n').at(-1) ?? ''
  }
  const load = async (host: typeof clients, parts: Partial<HttpLoad>): Promise<HttpYield> => {
    const whole = { server: '10.77.0.1', port: 8080, path: target, size: SIZE, connections: 1, requests: 1 }
    return JSON.parse(
      await finish(host.spawn(process.execPath, [CLIENT, JSON.stringify({ ...whole, ...parts })])),
    )
  }
  const attack = async (parts: Pick<Hostile, 'kind' | 'count'>): Promise<() => Promise<Suffered>> => {
    const whole: Hostile = {
      host: '10.77.0.1',
      port: 8080,
      path: target,
      size: SIZE,
      sources: crowd,
      ...parts,
    }
    const child = clients.spawn(process.execPath, [HOSTILE, JSON.stringify(whole)])
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()))
    return async () => {
      child.kill('SIGTERM')
      return JSON.parse(await finish(child))
    }
  }

  test('the server starts', { timeout: 60_000 }, async () => {
    server = await serve(site)
  })

  test('H19: many large downloads at once take a bounded amount of memory', {
    timeout: 900_000,
  }, async (t) => {
    const downloads = runs(40, 200)
    const { now: before } = memoryOf(server.pid)
    const { bytes, seconds } = await load(clients, { connections: downloads, requests: downloads })
    assert.equal(bytes, downloads * SIZE)
    const { peak } = memoryOf(server.pid)
    t.diagnostic(
      `${downloads} x ${SIZE / MB} MB, ${(bytes / MB / seconds).toFixed(0)} MB/s; MiB before, most: ${mib(before)}, ${mib(peak)}`,
    )
    assert.ok(peak - before < 400 * MIB, `${mib(before)} MiB, then ${mib(peak)}`)
  })

  test('R-13: slow heads, slow bodies and readers that stall: cut, and boots beside them go on', {
    timeout: 2_400_000,
  }, async (t) => {
    for (let round = 1; round <= runs(1, 20); round += 1) await besideTheSlow(t, round)
  })

  async function besideTheSlow(t: TestContext, round: number): Promise<void> {
    const [vmlinuz, count] = [`/images/debian-live/vmlinuz`, 50]
    const boot = (): Promise<HttpYield> =>
      load(boots, {
        sources: machines,
        path: vmlinuz,
        size: site.files.vmlinuz.length,
        connections: count,
        requests: 4 * count,
      })
    const idle: number[] = []
    for (let i = 0; i < runs(3, 10); i += 1) idle.push(...(await boot()).firstOctets)
    const before = memoryOf(server.pid).now
    const said = server.stderr.length
    const ends = [
      await attack({ kind: 'headers', count: runs(500, 5000) }),
      await attack({ kind: 'bodies', count: runs(20, 200) }),
      await attack({ kind: 'stalled', count: runs(100, 1000) }),
    ]
    const beside: number[] = []
    let most = 0
    for (let i = 0; i < runs(10, 34); i += 1) {
      beside.push(...(await boot()).firstOctets)
      most = Math.max(most, memoryOf(server.pid).now)
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    await eventually('slow heads to be cut', async () => (await open()) <= runs(100, 1000) + 10 || undefined)
    const [headers, bodies] = [await ends[0]?.(), await ends[1]?.(), await ends[2]?.()]
    const cut = server.stderr.slice(said).match(/took nothing for 30 s/g)?.length ?? 0
    t.diagnostic(
      `round ${round}: heads cut after at most ${headers?.longest.toFixed(1)} s, bodies ${bodies?.longest.toFixed(1)} s, ${cut} of ${runs(100, 1000)} readers cut; first octets in ms, p50 p99 most: idle ${spread(idle)}, beside them ${spread(beside)}; MiB ${mib(before)}, then at most ${mib(most)}`,
    )
    assert.equal(headers?.closed, runs(500, 5000))
    assert.equal(bodies?.closed, runs(20, 200))
    // The last ones want so little that the kernel takes all of it.
    if (runs(0, 1) === 1) assert.ok(cut >= 990, `${cut} readers were cut`)
    assert.ok(most - before < 256 * MIB, `${mib(before)} MiB, then ${mib(most)}`)
  }

  /** Connections of the node plane, as the kernel has them. */
  async function open(): Promise<number> {
    return net.run('ss', '-Htn', 'state', 'established', 'sport', '=', ':8080').stdout.split('\n').length - 1
  }

  test('the server ends', { timeout: 60_000 }, async () => {
    assert.equal((await server.stop()).code, 0)
  })
})

function mib(octets: number): string {
  return (octets / MIB).toFixed(0)
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  return [0.5, 0.99, 1].map((part) => sorted[Math.ceil(sorted.length * part) - 1]?.toFixed(1)).join(' ')
}
