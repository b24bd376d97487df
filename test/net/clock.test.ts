import assert from 'node:assert/strict'
import { globSync, mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { runs } from '../helpers/counts.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { CENTRA_PXE, endAll, makeSite, missing, Running } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

/** The real server, whose machine's clock is set: libfaketime tells it another time of day, not another monotonic clock. */
const faketime = await unpackPeer('libfaketime')
const options = {
  timeout: runs(120_000, 600_000),
  skip: missing('tcpdump') || ('why' in faketime && faketime.why),
}
const SERVER = '10.77.0.1'
const OWNER = '52:54:00:99:00:01'
const RIVAL = '52:54:00:99:00:02'
const HOUR = 3600
const DAY = 24 * HOUR
const YEARS = 3652 * DAY
const JUMPS = [HOUR, -HOUR, DAY, -DAY, YEARS, -YEARS, -HOUR, HOUR, -DAY, DAY, -YEARS, YEARS]
const ROUNDS = runs(1, 2)

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: `${SERVER}/24` },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )
  afterEach(endAll)

  const file = '/run/clock'
  let ahead = 0
  const setClock = (seconds: number): void => {
    ahead = seconds
    writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}`)
  }
  const start = async (config: string): Promise<Running> => {
    assert.ok('tree' in faketime)
    const [library = ''] = globSync(`${faketime.tree}/usr/lib/*/faketime/libfaketimeMT.so.1`)
    const environment = [
      `LD_PRELOAD=${library}`,
      ...[`FAKETIME_TIMESTAMP_FILE=${file}`, 'FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1'],
    ]
    const serving = ['serve', '--config', config, '--log', 'json']
    const server = new Running(net.spawn('env', [...environment, CENTRA_PXE, ...serving]))
    await server.stderrMatch(/^ready /m)
    return server
  }

  test(
    `the clock is set ${ROUNDS * JUMPS.length} times by an hour, a day, ten years, back and forth`,
    options,
    async (t) => {
      setClock(0)
      mkdirSync('/run/site', { recursive: true })
      const site = makeSite('/run/site')
      let server = await start(site.config)
      const wire = await Wire.open(client, 'eth0')
      assert.ok(wire)
      const offer = await wire.ask(clientMessage('DISCOVER', OWNER))
      const address = formatIpv4(offer.message.yiaddr)
      const reboot = async (mac: string): Promise<string | undefined> =>
        (await wire.ask(clientMessage('REQUEST', mac, { address }))).type
      assert.equal(await reboot(OWNER), 'ACK')

      const delays: number[] = []
      for (const by of Array.from({ length: ROUNDS }, () => JUMPS).flat()) {
        const from = server.stderr.length
        const begun = performance.now()
        setClock(ahead + by)
        // Before the server can have noticed.
        assert.equal(await reboot(RIVAL), 'NAK', `${by} s: at once`)
        const jump = await server.event('clock.jump', {}, from)
        delays.push(performance.now() - begun)
        assert.equal(jump.detail[by > 0 ? 'forward' : 'back'], `${Math.abs(by)} s`)
        assert.equal(await reboot(RIVAL), 'NAK', `${by} s: later`)
        // Both the lease in memory and the one on the disk have the time they had.
        await server.stop('SIGKILL')
        server = await start(site.config)
        assert.equal(await reboot(RIVAL), 'NAK', `${by} s: after a restart`)
        assert.equal(await reboot(OWNER), 'ACK', `${by} s`)
        const again = await wire.ask(clientMessage('DISCOVER', OWNER))
        assert.equal(formatIpv4(again.message.yiaddr), address)
        assert.doesNotMatch(server.stderr, /boot\.silent/)
      }
      t.diagnostic(`${delays.length} jumps, each noticed within ${Math.ceil(Math.max(...delays))} ms`)
      await server.stop()
      await wire.close()
    },
  )
})
