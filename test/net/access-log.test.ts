import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { AccessLog } from '../../src/telemetry/access-log.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, eventually, makeSite, missing, type Running, serve } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const options = { timeout: 60_000, skip: missing('curl', 'tcpdump', 'busybox') }
const LOG = '/run/log/access.jsonl'
const NODE01 = '52:54:00:77:00:01'
const BASE = 'http://10.77.0.1:8080'

interface Line {
  readonly [key: string]: unknown
}

function linesOf(file: string): readonly Line[] {
  const text = readFileSync(file, 'utf8')
  assert.ok(text === '' || text.endsWith('\n'), 'a torn line')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

/** Until nothing is thrown. */
async function until<T>(check: () => T | Promise<T>): Promise<T> {
  const found = await eventually('an assertion to hold', async () => {
    try {
      return { value: await check() }
    } catch (error) {
      last = error
      return undefined
    }
  }).catch(() => {
    throw last
  })
  return found.value
}
let last: unknown

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', mac: NODE01, address: '10.77.0.11/24', host: client },
  )
  mkdirSync('/run/log')
  net.run('mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', '/run/log')
  const site = makeSite('/run/site', (text) => text.replace('server:\n', `server:\n  accessLog: ${LOG}\n`))
  writeFileSync(`${site.dir}/images/initrd.img`, Buffer.alloc(64 << 20, 7))
  let server: Running

  const curl = (target: string, ...flags: readonly string[]): string =>
    client.run(
      'curl',
      '-s',
      '--max-time',
      '20',
      '--path-as-is',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      ...flags,
      BASE + target,
    ).stdout
  const lineOf = (matches: (line: Line) => boolean): Promise<Line> =>
    until(() => {
      const found = linesOf(LOG).find(matches)
      assert.ok(found, readFileSync(LOG, 'utf8'))
      return found
    })
  const metrics = (): string => net.run('curl', '-s', 'http://127.0.0.1:8081/metrics').stdout

  test('every request is a line: HTTP whole, ranges, HEAD, what is not there, TFTP', options, async () => {
    server = await serve(site)
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    await wire.ask(clientMessage('DISCOVER', NODE01))
    await wire.ask(clientMessage('REQUEST', NODE01, { address: '10.77.0.11', server: '10.77.0.1' }))
    await wire.close()
    assert.equal(curl('/boot.ipxe', '-A', 'iPXE/1.21.1+ (g"q\\)'), '200')
    const script = await lineOf(({ path }) => path === '/boot.ipxe')
    assert.equal(typeof script['ms'], 'number')
    assert.ok(Number(script['octets']) > 100)
    assert.deepEqual([script['mac'], script['node']], [NODE01, 'node01'])
    const { plane, network, address, method, status, agent } = script
    assert.deepEqual(
      [plane, network, address, method, status, agent],
      ['http', 'provisioning', '10.77.0.11', 'GET', 200, 'iPXE/1.21.1+ (g"q\\\\)'],
    )
    curl('/images/debian-live/vmlinuz?a=%0a', '-r', '10-19')
    const range = await lineOf((line) => line['range'] !== undefined)
    assert.deepEqual(
      [range['path'], range['range'], range['status'], range['octets']],
      ['/images/debian-live/vmlinuz?a=%0a', 'bytes=10-19', 206, 10],
    )
    curl('/images/debian-live/vmlinuz', '-I')
    assert.equal((await lineOf((line) => line['method'] === 'HEAD'))['octets'], 0)
    assert.equal(curl('/../../etc/passwd'), '404')
    await lineOf((line) => line['path'] === '/../../etc/passwd' && line['status'] === 404)
    client.run('busybox', 'tftp', '-g', '-r', 'undionly.kpxe', '-l', '/dev/null', '10.77.0.1')
    const tftp = await lineOf((line) => line['plane'] === 'tftp')
    assert.deepEqual([tftp['path'], tftp['outcome'], tftp['octets']], ['undionly.kpxe', 'done', 70_283])
    client.run('busybox', 'tftp', '-g', '-r', 'no\x1b\nsuch', '-l', '/dev/null', '10.77.0.1')
    const refused = await lineOf((line) => line['outcome'] === 'refused: access-violation')
    assert.equal(refused['path'], 'no\\x1b\\x0asuch')
  })

  test('the metrics count the same, with labels that no client makes', options, async () => {
    for (const method of ['BREW', 'PROPFIND']) curl(`/x-${method}`, '-X', method)
    await until(() => {
      const text = metrics()
      for (const sample of [
        'centra_pxe_http_requests_total{network="provisioning",plane="http",kind="identify",method="GET",status="200"} 1',
        'centra_pxe_http_requests_total{network="provisioning",plane="http",kind="image",method="GET",status="206"} 1',
        'centra_pxe_http_sent_bytes_total{network="provisioning",plane="http",kind="image"} 10',
        'centra_pxe_http_request_duration_seconds_count{plane="http",kind="identify"} 1',
        'centra_pxe_tftp_requests_total{network="provisioning"} 2',
        'centra_pxe_tftp_transfers_total{network="provisioning",outcome="done"} 1',
        'centra_pxe_tftp_refused_total{network="provisioning",reason="access-violation"} 1',
        'centra_pxe_tftp_sent_bytes_total{network="provisioning"} 70283',
        'centra_pxe_transfers{plane="http"} 0',
        'centra_pxe_http_cache_bytes{state="pinned"} 0',
        'centra_pxe_http_cut_total{limit="stall"} 0',
        'centra_pxe_access_log_lines_total{outcome="lost"} 0',
      ])
        assert.ok(text.split('\n').includes(sample), `${sample}\n${text}`)
    })
    assert.match(metrics(), /^centra_pxe_http_cache_lookups_total\{outcome="miss"\} [1-9]/m)
    assert.doesNotMatch(metrics(), /BREW|PROPFIND|passwd|such/)
    assert.match(metrics(), /plane="http",kind="other",method="other",status="405"\} 1/)
  })

  test('after a rotation and SIGHUP lines go to a new file', options, async () => {
    renameSync(LOG, `${LOG}.1`)
    curl('/boot.ipxe', '-A', 'between')
    await until(() => assert.match(readFileSync(`${LOG}.1`, 'utf8'), /between/))
    const from = server.stderr.length
    server.signal('SIGHUP')
    await server.stderrMatch(/configuration reloaded/, from)
    curl('/boot.ipxe', '-A', 'after')
    assert.equal((await lineOf(({ agent }) => agent === 'after'))['status'], 200)
    assert.doesNotMatch(readFileSync(`${LOG}.1`, 'utf8'), /after/)
  })

  test(
    'a full disk costs lines, which are counted, and no boot; whole lines again when there is room',
    options,
    async () => {
      const filler = '/run/log/filler'
      writeFileSync(filler, Buffer.alloc(statfsSync('/run/log').bavail * 4096))
      const from = server.stderr.length
      // A page of the file that exists is still free: lines fit until it is full.
      for (let n = 0; n < 12; n += 1) assert.equal(curl('/boot.ipxe', '-A', 'x'.repeat(900)), '200')
      await until(() => {
        curl('/boot.ipxe', '-A', 'x'.repeat(900))
        const lost = /lines_total\{outcome="lost"\} (\d+)/.exec(metrics())?.[1]
        assert.ok(Number(lost) > 0, lost)
      })
      await server.stderrMatch(/access log: ENOSPC/, from)
      assert.equal(curl('/images/debian-live/initrd.img'), '200')
      rmSync(filler)
      await until(async () => {
        curl('/boot.ipxe', '-A', 'room')
        await sleep(300)
        assert.ok(linesOf(LOG).some(({ agent }) => agent === 'room'))
      })
      assert.equal(server.stderr.slice(from).match(/access log: ENOSPC/g)?.length, 1)
    },
  )

  test(
    'a transfer under way is in `nodes` and in the metrics, and stalls when its client does not read',
    options,
    async () => {
      const big = `${site.dir}/images/initrd.img`
      writeFileSync(big, Buffer.alloc(64 << 20, 7))
      const reader = client.spawn('curl', [
        '-s',
        '--limit-rate',
        '10M',
        '-o',
        '/dev/null',
        `${BASE}/images/debian-live/initrd.img`,
      ])
      await until(() => assert.match(metrics(), /^centra_pxe_transfers\{plane="http"\} 1$/m))
      reader.kill('SIGSTOP')
      const event = await until(() => {
        const found = /HTTP stalled initrd\.img .* of 67\.1 MB nothing moved for \d+ s/.exec(server.stderr)
        assert.ok(found)
        return found
      })
      assert.ok(event)
      assert.match(metrics(), /^centra_pxe_transfers_stalled\{plane="http"\} 1$/m)
      const { stdout } = await centra('nodes', '--config', site.config)
      assert.match(stdout, /^node01 .* initrd\.img \d+ % of 67\.1 MB stalled for \d+ s$/m)
      const asJson = JSON.parse((await centra('nodes', '--config', site.config, '--json')).stdout)
      assert.deepEqual([asJson[0].loading[0].file, asJson[1].loading], ['initrd.img', undefined])
      reader.kill('SIGCONT')
      await server.stderrMatch(/HTTP goes on initrd\.img/)
      reader.kill('SIGKILL')
      await until(() => assert.match(metrics(), /^centra_pxe_transfers\{plane="http"\} 0$/m))
      assert.equal((await server.stop()).code, 0)
    },
  )

  test('the buffer is bounded: a target that takes nothing loses lines, not memory', options, async () => {
    net.run('mkfifo', '/run/fifo')
    const log = new AccessLog(() => {})
    await log.use({ kind: 'file', path: '/run/fifo' })
    const line = `${'x'.repeat(1023)}\n`
    for (let n = 0; n < 8192; n += 1) log.line(line)
    assert.equal(log.totals.lost, 4096)
    await log.close()
    assert.deepEqual(log.totals, { written: 0, lost: 8192 })
  })

  test('a wrong key is an error with its place', options, async () => {
    site.rewrite((text) => text.replace('server:\n', 'server:\n  accessLog: 7\n'))
    const { code, stdout } = await centra('validate', site.config)
    assert.equal(code, 78)
    assert.match(stdout, /lab\.yaml:5:14: server\.accessLog: expected a path/)
  })
})
