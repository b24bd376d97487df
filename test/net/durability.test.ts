import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { inNetns } from '../helpers/netns.ts'
import { CENTRA_PXE, makeSite, missing, Running } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const options = { timeout: 120_000, skip: missing('tcpdump', 'strace') }
const CLIENTS = ['52:54:00:99:00:01', '52:54:00:99:00:02', '52:54:00:99:00:03']
const TRACED = 'trace=fsync,fdatasync,sendto,sendmsg,sendmmsg,recvmsg,recvfrom,recvmmsg'

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )

  for (const { way, broadcast } of [
    { way: 'broadcast from the UDP socket', broadcast: true },
    { way: 'sent to the link address by AF_PACKET', broadcast: false },
  ])
    test(`an ACK ${way} leaves after the fdatasync of its lease`, options, async (t) => {
      const seen = await trace(t, { broadcast })
      if (seen !== undefined) assert.deepEqual(seen, { acks: CLIENTS.length, unsynced: 0 })
    })

  test(
    'the control: with --insecure-no-fsync the same look at the same exchange finds it too early',
    options,
    async (t) => {
      const seen = await trace(t, { broadcast: true, flags: ['--insecure-no-fsync'] })
      if (seen !== undefined) assert.deepEqual(seen, { acks: CLIENTS.length, unsynced: CLIENTS.length })
    },
  )

  async function trace(
    t: TestContext,
    { broadcast, flags = [] }: { readonly broadcast: boolean; readonly flags?: readonly string[] },
  ): Promise<Outcome | undefined> {
    rmSync('/run/site', { recursive: true, force: true })
    const site = makeSite('/run/site')
    if (spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0) {
      t.skip('strace is not permitted')
      return undefined
    }
    const log = '/run/strace.log'
    const command = [CENTRA_PXE, 'serve', '--config', site.config, ...flags]
    const server = new Running(
      net.spawn('strace', ['-f', '-yy', '-x', '-s', '1500', '-o', log, '-e', TRACED, ...command]),
    )
    await server.stderrMatch(/^ready /m)
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    for (const mac of CLIENTS) {
      const discover = clientMessage('DISCOVER', mac)
      const offer = await wire.ask({ ...discover, flags: broadcast ? discover.flags : 0 })
      const address = formatIpv4(offer.message.yiaddr)
      const request = clientMessage('REQUEST', mac, { address, server: '10.77.0.1' })
      assert.equal((await wire.ask({ ...request, flags: broadcast ? request.flags : 0 })).type, 'ACK')
    }
    await wire.close()
    const node = net.run('pgrep', '-f', 'main\\.ts serve').stdout.trim().split('\n')
    for (const pid of node) process.kill(Number(pid), 'SIGTERM')
    await server.exited
    return judge(readFileSync(log, 'utf8'))
  }
})

interface Outcome {
  readonly acks: number
  /** ACKs before which no sync of the lease log returned since their REQUEST arrived. */
  readonly unsynced: number
}

/** Option 53 as the first option after the magic cookie, as strace -x shows it. */
const REQUEST =
  /^\d+ +(?:recvmsg|recvfrom|recvmmsg|<\.\.\. recv\w+ resumed>).*\\x63\\x82\\x53\\x63\\x35\\x01\\x03/
const ACK = /^\d+ +send(?:to|msg|mmsg)\(\d+<.*\\x63\\x82\\x53\\x63\\x35\\x01\\x05/
const SYNCED = /^(\d+) +f(?:data)?sync\(\d+<[^>]*state\.db-wal>\) += 0/
const SYNC_BEGINS = /^(\d+) +f(?:data)?sync\(\d+<[^>]*state\.db-wal> <unfinished/
const SYNC_RETURNS = /^(\d+) +<\.\.\. f(?:data)?sync resumed>.*= 0/

function judge(log: string): Outcome {
  let acks = 0
  let unsynced = 0
  let isSynced = false
  const syncing = new Set<string>()
  for (const line of log.split('\n')) {
    const begun = SYNC_BEGINS.exec(line)?.[1]
    const returned = SYNC_RETURNS.exec(line)?.[1]
    if (REQUEST.test(line)) isSynced = false
    else if (begun !== undefined) syncing.add(begun)
    else if (SYNCED.test(line) || (returned !== undefined && syncing.delete(returned))) isSynced = true
    else if (ACK.test(line)) {
      acks += 1
      if (!isSynced) unsynced += 1
    }
  }
  return { acks, unsynced }
}
