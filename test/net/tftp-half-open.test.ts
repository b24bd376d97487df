import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { runs } from '../helpers/counts.ts'
import { inNetns } from '../helpers/netns.ts'
import { endAll, eventually, makeSite, missing, type Running, serve, sha256 } from '../helpers/server.ts'
import type { CrowdPlan, CrowdYield } from '../helpers/tftp-crowd.ts'

const SERVER = '10.77.0.1'
const SILENT = runs(600, 10_000)
const READERS = runs(20, 100)
/** R-14 of the security criteria: for a client that never answers, octets out for each in. */
const MOST_RATIO = 50
const FILE = 'snponly.efi'
const options = { timeout: runs(240_000, 1_800_000), skip: missing('nsenter', 'tcpdump', 'atftp') }

inNetns(import.meta, (net) => {
  const clients = net.host('clients')
  net.veth(
    { name: 'prov0', address: `${SERVER}/24` },
    { name: 'eth0', address: '10.77.0.50/24', host: clients },
  )
  // Every address of these is the clients': one for each of thousands, without configuring any.
  for (const subnet of ['10.98.0.0/16', '10.99.0.0/16']) {
    net.run('ip', 'route', 'add', subnet, 'via', '10.77.0.50')
    clients.run('ip', 'route', 'add', 'local', subnet, 'dev', 'lo')
  }
  const site = makeSite('/run/site')
  const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >>> 8) * 7) & 255))
  writeFileSync(join('/run/site/firmware', FILE), content)
  let server: Running
  after(endAll)

  const crowd = async (plan: CrowdPlan): Promise<CrowdYield> => {
    const script = join(import.meta.dirname, '../helpers/tftp-crowd.ts')
    const args = [`--net=/run/netns/clients`, '--', process.execPath, script, JSON.stringify(plan)]
    return JSON.parse((await promisify(execFile)('nsenter', args)).stdout)
  }

  test(
    `R-14: ${SILENT} half-open transfers from as many addresses, ${READERS} real ones`,
    options,
    async (t) => {
      server = await serve(site, '--log', 'json')
      for (let round = 1; round <= runs(1, 20); round += 1) await halfOpen(t, round)
    },
  )

  async function halfOpen(t: TestContext, round: number): Promise<void> {
    const before = sockets(server)
    const plan = {
      server: SERVER,
      file: FILE,
      silent: SILENT,
      readers: READERS,
      perSecond: 1500,
      listenMs: 9000,
    }
    const { asked, answered, worstRatio, mostPackets, files } = await crowd(plan)
    assert.equal(asked, SILENT)
    const whole = sha256(content)
    assert.deepEqual(
      files.filter((file) => file !== whole),
      [],
      'every real transfer is done, byte for byte',
    )
    assert.ok(answered > SILENT * 0.5, `${answered} were answered at all: the flood was one`)
    assert.ok(worstRatio > 1 && worstRatio <= MOST_RATIO, `${worstRatio} octets for each`)
    assert.ok(mostPackets <= 3, `${mostPackets} packets to one that never answered`)
    const left = await eventually('the sockets are closed', () =>
      sockets(server) <= before ? sockets(server) : undefined,
    )
    t.diagnostic(
      `round ${round}: ${asked} asked, ${answered} were answered, at most ${worstRatio.toFixed(1)} octets for each of theirs in ${mostPackets} packets; ` +
        `${files.length} files whole; ${left} sockets left of ${before} before`,
    )
  }

  test(
    'a window of 16 blocks leaves with one system call, as one packet that the kernel cuts',
    options,
    async () => {
      const capture = await net.capture('prov0')
      assert.ok(capture)
      const options16 = ['--option', 'blksize 1468', '--option', 'windowsize 16']
      const args = [...options16, '-g', '-r', FILE, '-l', '/dev/null', SERVER]
      assert.equal(clients.run('timeout', '20', 'atftp', ...args).code, 0)
      // A capture on the sending host is taken before the cut.
      const [headers, block] = [14 + 20 + 8, 1468 + 4]
      // Only the last packet has the file's short end.
      await capture.waitFor((frame) => (frame.length - headers) % block === (300_000 % 1468) + 4)
      await capture.stop()
      const blocks = capture.frames.filter((frame) => frame.length >= headers + block)
      assert.deepEqual(
        [...new Set(blocks.map((frame) => (frame.length - headers) / block))].slice(0, 1),
        [16],
        'windows, not blocks',
      )
      assert.equal(blocks.length, Math.ceil(300_000 / 1468 / 16))
    },
  )

  test('no fault in the log', options, async () => {
    assert.doesNotMatch(server.stderr, /"level":"error"/)
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
  })
})

/** Open sockets of the server's process. */
function sockets(server: Running): number {
  const folder = `/proc/${server.pid}/fd`
  return readdirSync(folder).filter((fd) => isSocket(join(folder, fd))).length
}

function isSocket(fd: string): boolean {
  try {
    return readlinkSync(fd).startsWith('socket:')
  } catch {
    return false
  }
}
