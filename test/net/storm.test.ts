import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { type StormLoad, type StormYield, stormMac } from '../../bench/storm-client.ts'
import { runs } from '../helpers/counts.ts'
import { type Host, inNetns } from '../helpers/netns.ts'
import { centra, endAll, loggedEvents, makeSite, type Running, type Site, serve } from '../helpers/server.ts'

/**
 * Machines that all start within two seconds, with the timers of EDK2 and iPXE, each with its own address: the simulator of
 * `npm run bench:storm` against the command.
 */
const CLIENT = path.join(import.meta.dirname, '../../bench/storm-client.ts')
const MACHINES = runs(40, 400)
/** Above the size below which nobody waits. */
const INITRD = 34_000_000

inNetns(import.meta, (net) => {
  const clients = net.host('clients')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/16' },
    { name: 'prov0', address: '10.77.255.254/16', host: clients },
  )
  afterEach(endAll)

  const site = (boots: string): Site => {
    const nodes = Array.from(
      { length: MACHINES },
      (_, i) => `  - { name: storm${i}, mac: "${stormMac(i)}", profile: worker }\n`,
    )
    const made = makeSite(mkdtempSync(path.join(tmpdir(), 'storm-')), (text) =>
      text
        .replace('10.77.0.0/24', '10.77.0.0/16')
        .replace('    dhcp: server\n', `    dhcp: server\n    boots: ${boots}\n`)
        .replace(/pool: .*/, 'pool: 10.77.1.0-10.77.8.255')
        .replace('nodes:\n', `nodes:\n${nodes.join('')}`),
    )
    writeFileSync(path.join(made.dir, 'images', 'initrd.img'), randomBytes(INITRD))
    return made
  }

  async function storm(host: Host): Promise<StormYield> {
    const load: StormLoad = { machines: MACHINES, interface: 'prov0', within: 2000, limit: 300_000 }
    const child = host.spawn(process.execPath, [CLIENT, JSON.stringify(load)])
    const out: string[] = []
    const problems: string[] = []
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => problems.push(chunk.toString()))
    await once(child, 'close')
    assert.ok(out.length > 0, problems.join(''))
    return JSON.parse(out.join(''))
  }

  function assertAllBooted(got: StormYield): void {
    const failed = got.machines.flatMap((one) => one.failed ?? [])
    assert.deepEqual(failed, [], `${MACHINES - failed.length} of ${MACHINES} booted`)
    assert.deepEqual([got.naks, got.duplicates], [0, 0], 'NAKs, and addresses that two machines had')
  }

  /** The most machines between the script that boots and the last file, by the server's own events. */
  function mostAtOnce(server: Running): number {
    const loading = new Set<unknown>()
    let most = 0
    for (const { kind, mac, detail } of loggedEvents(server.stderr)) {
      if (kind === 'http.script' && detail['script'] === 'boot') loading.add(mac)
      if (kind === 'http.done' && detail['file'] === 'initrd.img') loading.delete(mac)
      most = Math.max(most, loading.size)
    }
    return most
  }

  describe(`R-11: ${MACHINES} machines start within two seconds`, () => {
    test('as configured by default: all boot, without a NAK and without an address twice', async () => {
      const here = site('auto')
      const server = await serve(here, '--log', 'json')
      assertAllBooted(await storm(clients))
      await server.stop()
    })

    test('boots: 3: all boot, never more than three load, and whoever waited was told so once', async () => {
      // Slow enough that somebody waits, on any machine.
      const here = site('3\n    clientRate: 60MB/s')
      const server = await serve(here, '--log', 'json')
      const got = await storm(clients)
      assertAllBooted(got)
      assert.ok(mostAtOnce(server) <= 3)
      const kinds = (kind: string): readonly string[] =>
        loggedEvents(server.stderr).flatMap((event) => (event.kind === kind ? [String(event['mac'])] : []))
      const queued = kinds('boot.queued')
      assert.ok(queued.length > 0, 'somebody waited')
      assert.equal(new Set(queued).size, queued.length)
      assert.deepEqual(new Set(kinds('boot.admitted')), new Set(queued))
      assert.equal(got.machines.filter(({ queued: times }) => times > 0).length, queued.length)
      const { stdout } = await centra('nodes', '--config', here.config)
      assert.match(stdout, /^storm0 +worker /m)
      await server.stop()
    })
  })
})
