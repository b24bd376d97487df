import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, eventually, makeSite, missing, type Running, serve, sha256 } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const BASE = 'http://10.77.0.1:8080'
const NODE01 = '52:54:00:77:00:01'
const options = { timeout: 60_000, skip: missing('curl', 'tcpdump', 'busybox') }

interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The whole head, as it came. */
  readonly head: string
  readonly body: Buffer
}

inNetns(import.meta, (net) => {
  const client = net.host('client')
  const other = net.host('other')
  net.run('ip', 'link', 'add', 'prov0', 'type', 'bridge')
  net.run('ip', 'addr', 'add', '10.77.0.1/24', 'dev', 'prov0')
  net.run('ip', 'link', 'set', 'prov0', 'up')
  net.veth({ name: 'port1' }, { name: 'eth0', mac: NODE01, address: '10.77.0.11/24', host: client })
  net.veth({ name: 'port2' }, { name: 'eth0', address: '10.77.0.60/24', host: other })
  for (const port of ['port1', 'port2']) net.run('ip', 'link', 'set', port, 'master', 'prov0')
  const site = makeSite('/run/site')
  let server: Running

  const curlFrom = (host: typeof client, target: string, ...flags: readonly string[]): Answer => {
    const url = target.startsWith('/') ? BASE + target : target
    const args = [
      '-s',
      '--max-time',
      '20',
      '--path-as-is',
      '-D',
      '/run/head',
      '-o',
      '/run/body',
      ...flags,
      url,
    ]
    for (const file of ['/run/head', '/run/body']) writeFileSync(file, '')
    const { code, stderr } = host.run('curl', ...args)
    assert.equal(code, 0, `curl ${args.join(' ')}: ${stderr}`)
    const head = readFileSync('/run/head', 'latin1')
    const rows = head
      .split('\r\n')
      .slice(1)
      .filter((row) => row.includes(': '))
    const headers = rows.map((row) => {
      const [name = '', ...value] = row.split(': ')
      return [name.toLowerCase(), value.join(': ')] as const
    })
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1])
    return {
      status,
      headers: Object.fromEntries(headers),
      head,
      body: flags.includes('-I') ? Buffer.alloc(0) : readFileSync('/run/body'),
    }
  }
  const curl = (target: string, ...flags: readonly string[]): Answer => curlFrom(client, target, ...flags)
  const script = (target: string, ...flags: readonly string[]): string => {
    const { status, headers, body } = curl(target, ...flags)
    assert.equal(status, 200, target)
    assert.equal(headers['content-type'], 'text/plain')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['content-length'], String(body.length))
    assert.match(body.toString(), /^#!ipxe\n/)
    return body.toString()
  }
  const nonceIn = (text: string): string | undefined => /centra\.nonce=([0-9a-f]{32})/.exec(text)?.[1]
  const report = (mac: string, body: string, host = client): Answer =>
    curlFrom(host, `/v1/report/${mac}`, '-H', 'Expect:', '--data-binary', body)

  test('the server starts, node01 gets its lease', options, async () => {
    server = await serve(site, '--log', 'json')
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    const offer = await wire.ask(clientMessage('DISCOVER', NODE01))
    const address = formatIpv4(offer.message.yiaddr)
    assert.equal(address, '10.77.0.11')
    assert.equal(
      (await wire.ask(clientMessage('REQUEST', NODE01, { address, server: '10.77.0.1' }))).type,
      'ACK',
    )
    await wire.close()
  })

  test('E13: HEAD of a script has the headers of GET, and opens no boot attempt', options, async () => {
    const { status, headers } = curl('/boot/52-54-00-77-00-01.ipxe', '-I')
    assert.deepEqual([status, headers['cache-control']], [200, 'no-store'])
    assert.match(headers['content-length'] ?? '', /^[1-9]\d+$/)
    const from = server.stderr.length
    assert.equal(report(NODE01, JSON.stringify({ stage: 'kernel', nonce: '0'.repeat(32) })).status, 204)
    await server.event('report', { node: 'node01', because: /^no boot of this machine is open/ }, from)
  })

  test('GET /boot.ipxe identifies the machine and chains on', options, () => {
    const text = script('/boot.ipxe')
    assert.match(text, /\/boot\/\$\{[^}]*mac:hexhyp\}\.ipxe/)
    assert.doesNotMatch(text, /uristring/)
    for (const target of ['//boot.ipxe', '///boot.ipxe', '/%62oot.ipxe', `${BASE}/boot.ipxe?x=1`])
      assert.equal(script(target), text, target)
    assert.equal(
      script('/', '--request-target', `http://somewhere.example:99/boot.ipxe`),
      text,
      'absolute form',
    )
  })

  test(
    'GET /boot/MAC.ipxe: the profile by MAC, with dashes or colons; a stranger gets the menu',
    options,
    () => {
      for (const mac of [
        '52-54-00-77-00-01',
        '52:54:00:77:00:01',
        '52%3A54%3A00%3A77%3A00%3A01',
        '52-54-00-77-00-01'.toUpperCase(),
      ]) {
        const text = script(`/boot/${mac}.ipxe`)
        assert.match(text, /centra\.profile=control-plane/)
        assert.ok(text.includes(`/images/debian-live/${sha256(site.files.vmlinuz)}/vmlinuz`), text)
      }
      const serial = Buffer.from('S/N ${evil}\n; reboot').toString('hex')
      const uuid = '12345678-1234-5678-9abc-def012345678'
      const menu = script(
        `/boot/52-54-00-99-00-01.ipxe?uuid=${uuid}&arch=x86_64&platform=efi&serial=${serial}`,
      )
      assert.match(menu, /^menu /m)
      assert.match(menu, /choose .*--default local/)
      assert.doesNotMatch(menu, /evil|reboot;/)
      for (const name of [
        'nonsense',
        '52-54-00-77-00-01',
        '52-54-00-77-00.ipxe',
        '..%2f..%2fetc%2fpasswd',
        '',
      ])
        assert.equal(curl(`/boot/${name}`).status, 404, name)
    },
  )

  test("the nonce goes to the machine's own lease alone", options, () => {
    const first = nonceIn(script('/boot/52-54-00-77-00-01.ipxe'))
    assert.ok(first)
    assert.equal(nonceIn(script('/boot/52-54-00-77-00-01.ipxe')), first, 'asked again: the same try')
    const elsewhere = curlFrom(other, '/boot/52-54-00-77-00-01.ipxe').body.toString()
    assert.match(elsewhere, /centra\.profile=control-plane/)
    assert.equal(nonceIn(elsewhere), undefined)
  })

  test('?failed= records the step and returns the recovery menu', options, async () => {
    const from = server.stderr.length
    const text = script('/boot/52-54-00-77-00-01.ipxe?failed=kernel&errno=2d0c613b')
    assert.match(text, /^menu /m)
    assert.equal(nonceIn(text), undefined)
    await server.event('boot.failed', { node: 'node01', step: 'kernel', errno: '2d0c613b' }, from)
    script(`/boot/52-54-00-77-00-01.ipxe?failed=${encodeURIComponent('x\n2026 forged')}&errno=zz`)
    await server.event('boot.failed', { node: 'node01', step: 'unknown' }, from)
    assert.doesNotMatch(server.stderr, /forged/)
  })

  test(
    'images: immutable by hash, current by name; HEAD, ETag, Range, If-Range, If-None-Match',
    options,
    () => {
      for (const name of ['vmlinuz', 'initrd.img'] as const) {
        const bytes = site.files[name]
        const hash = sha256(bytes)
        const immutable = `/images/debian-live/${hash}/${name}`
        const whole = curl(immutable)
        assert.equal(whole.status, 200)
        assert.ok(whole.body.equals(bytes))
        assert.equal(whole.headers['content-type'], 'application/octet-stream')
        assert.match(whole.headers['cache-control'] ?? '', /max-age=\d{6,}.*immutable/)
        assert.equal(whole.headers['content-length'], String(bytes.length))
        assert.equal(whole.headers['accept-ranges'], 'bytes')
        assert.match(whole.head, /^Content-Length: \d+\r$/m, 'GRUB compares with its capitals')
        const etag = whole.headers['etag'] ?? ''
        assert.equal(etag, `"${hash}"`)
        const current = curl(`/images/debian-live/${name}`)
        assert.ok(current.body.equals(bytes))
        assert.equal(current.headers['cache-control'], 'no-cache')

        const head = curl(immutable, '-I')
        assert.deepEqual([head.status, head.headers['content-length']], [200, String(bytes.length)])
        const headRange = curl(immutable, '-I', '-H', 'Range: bytes=0-9')
        assert.equal(headRange.status, 200, 'RFC 9110 §14.2: Range counts for GET alone')

        for (const [range, first, last] of [
          ['0-0', 0, 0],
          ['10-1033', 10, 1033],
          ['1000-', 1000, bytes.length - 1],
          ['-100', bytes.length - 100, bytes.length - 1],
          [`5-${bytes.length + 99}`, 5, bytes.length - 1],
        ] as const) {
          const part = curl(immutable, '-H', `Range: bytes=${range}`)
          assert.equal(part.status, 206, range)
          assert.equal(part.headers['content-range'], `bytes ${first}-${last}/${bytes.length}`)
          assert.equal(part.headers['content-length'], String(last - first + 1))
          assert.ok(part.body.equals(bytes.subarray(first, last + 1)), range)
        }
        const beyond = curl(immutable, '-H', `Range: bytes=${bytes.length}-`)
        assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, `bytes */${bytes.length}`])
        for (const odd of ['bytes=0-1,5-6', 'bytes=5-1', 'lines=0-1', 'bytes=', 'bytes=-'])
          assert.equal(curl(immutable, '-H', `Range: ${odd}`).status, 200, odd)

        const range = ['-H', 'Range: bytes=1-2']
        assert.equal(curl(immutable, ...range, '-H', `If-Range: ${etag}`).status, 206)
        assert.equal(curl(immutable, ...range, '-H', 'If-Range: "other"').status, 200)
        assert.equal(curl(immutable, ...range, '-H', 'If-Range: Mon, 23 Nov 2026 00:00:00 GMT').status, 200)
        for (const match of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
          const unchanged = curl(immutable, '-H', `If-None-Match: ${match}`)
          assert.deepEqual(
            [unchanged.status, unchanged.body.length, unchanged.headers['etag']],
            [304, 0, etag],
            match,
          )
        }
        assert.equal(curl(immutable, '-H', 'If-None-Match: "other"').status, 200)
      }
    },
  )

  test('firmware over HTTP: the loaders, byte for byte, and nothing else', options, async () => {
    for (const name of ['undionly.kpxe', 'snponly.efi'] as const) {
      const { status, headers, body } = curl(`/firmware/${name}`)
      assert.equal(status, 200)
      assert.ok(body.equals(site.files[name]))
      assert.equal(headers['content-length'], String(body.length))
      assert.equal(curl(`/firmware/${name}`, '-H', `If-None-Match: ${headers['etag']}`).status, 304)
    }
    const before = curl('/firmware/undionly.kpxe').headers['etag'] ?? ''
    const replaced = Buffer.from(site.files['undionly.kpxe']).reverse()
    writeFileSync(`${site.dir}/firmware/undionly.kpxe`, replaced)
    const after = await eventually('another file of the same size has another entity tag', () => {
      const answer = curl('/firmware/undionly.kpxe', '-H', `If-None-Match: ${before}`)
      return answer.status === 200 ? answer : undefined
    })
    assert.ok(after.body.equals(replaced))
    writeFileSync(`${site.dir}/firmware/undionly.kpxe`, site.files['undionly.kpxe'])
    assert.equal(curl('/firmware/ipxe.pxe').status, 404, 'a name of the table that is not on disk')
  })

  test(
    'an image replaced on disk: the next script names the new bytes, the old address is gone',
    options,
    () => {
      const old = `/images/debian-live/${sha256(site.files.vmlinuz)}/vmlinuz`
      const replaced = Buffer.from(site.files.vmlinuz).reverse()
      writeFileSync(`${site.dir}/images/vmlinuz`, replaced)
      assert.ok(script('/boot/52-54-00-77-00-01.ipxe').includes(`/${sha256(replaced)}/vmlinuz`))
      assert.equal(curl(old).status, 404)
      assert.ok(curl('/images/debian-live/vmlinuz').body.equals(replaced))
      writeFileSync(`${site.dir}/images/vmlinuz`, site.files.vmlinuz)
    },
  )

  test(
    '404 for everything else, traversal in every spelling; 405 with Allow; 400 for broken encoding',
    options,
    () => {
      const hash = sha256(site.files.vmlinuz)
      for (const target of [
        '/',
        '/nothing',
        '/images',
        '/images/',
        '/images/debian-live',
        '/images/debian-live/',
        '/images/other/vmlinuz',
        `/images/debian-live/${hash}/initrd.img`,
        `/images/debian-live/${hash.toUpperCase()}/vmlinuz`,
        `/images/debian-live/${'0'.repeat(64)}/vmlinuz`,
        `/images/debian-live/${hash}/vmlinuz/x`,
        '/images/debian-live/../../lab.yaml',
        '/images/debian-live/%2e%2e/%2e%2e/lab.yaml',
        '/images/..%2f..%2flab.yaml',
        '/images/../images/debian-live/vmlinuz',
        '/firmware/../lab.yaml',
        '/firmware/..%2flab.yaml',
        '/firmware/%2e%2e%5clab.yaml',
        '/firmware/undionly.kpxe%00',
        '/firmware/',
        '/v1/report',
        '/v1/nodes',
        '/boot.ipxe/x',
        '/health/x',
        '/__proto__',
        '/images/__proto__/x',
        '/images/constructor/x',
      ])
        assert.equal(curl(target).status, 404, target)
      for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const refused = curl('/boot.ipxe', '-X', method)
        assert.deepEqual([refused.status, refused.headers['allow']], [405, 'GET, HEAD, POST'], method)
      }
      const posted = curl('/health', '-X', 'POST')
      assert.deepEqual([posted.status, posted.headers['allow']], [405, 'GET, HEAD'])
      const get = curl('/v1/report/52-54-00-77-00-01')
      assert.deepEqual([get.status, get.headers['allow']], [405, 'POST'])
      assert.equal(curl('/%zz').status, 400)
      assert.equal(curl('/boot/%ff.ipxe').status, 400)
      for (const target of ['/boot.ipxe', '/health', '/nothing']) {
        const head = curl(target, '-I')
        assert.equal(head.status, curl(target).status, target)
      }
    },
  )

  test('E13: HEAD has no body on the wire', options, () => {
    for (const target of [
      '/boot.ipxe',
      '/images/debian-live/vmlinuz',
      '/firmware/snponly.efi',
      '/health',
      '/nothing',
    ]) {
      const ask = `HEAD ${target} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n`
      const { stdout } = client.run(
        'sh',
        '-c',
        `(printf '${ask}'; sleep 0.4) | busybox nc -w 5 10.77.0.1 8080`,
      )
      assert.match(stdout, /^HTTP\/1\.1 (200|404) .*\r\n\r\n$/s, target)
      assert.equal(stdout.indexOf('\r\n\r\n'), stdout.length - 4, target)
    }
  })

  test('a client that closes its sending side after the request gets its whole answer', options, () => {
    for (const target of ['/boot/52-54-00-77-00-01.ipxe', '/images/debian-live/vmlinuz', '/health']) {
      const ask = `GET ${target} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n`
      const { stdout } = client.run('sh', '-c', `printf '${ask}' | busybox nc -w 5 10.77.0.1 8080`)
      assert.match(stdout, /^HTTP\/1\.1 200 /, target)
    }
  })

  test('reports: verified from the lease with the nonce, else claimed; 400, 413', options, async () => {
    const from = server.stderr.length
    const nonce = nonceIn(script('/boot/52-54-00-77-00-01.ipxe'))
    const said = (stage: string, key?: string): string =>
      JSON.stringify({ stage, ...(key === undefined ? {} : { nonce: key }) })
    const { status, body } = report('52-54-00-77-00-01', said('kernel', nonce))
    assert.deepEqual([status, body.length], [204, 0])
    await server.event('report', { node: 'node01', stage: 'kernel', standing: 'verified' }, from)
    for (const [mac, text, host, facts] of [
      [NODE01, said('initrd'), client, { stage: 'initrd', because: /^the report has no nonce/ }],
      [
        NODE01,
        said('installed', '0'.repeat(32)),
        client,
        { stage: 'installed', because: /^the nonce is not/ },
      ],
      [NODE01, said('failed', nonce), other, { stage: 'failed', because: /^it came from 10\.77\.0\.60/ }],
      ['52-54-00-99-00-09', said('in-service', nonce), client, { stage: 'in-service', because: /^no boot/ }],
    ] as const) {
      assert.equal(report(mac, text, host).status, 204)
      await server.event('report', { standing: 'claimed', ...facts }, from)
    }
    for (const bad of [
      '',
      '{',
      '[]',
      '"x"',
      'null',
      '{"stage":"other"}',
      '{"stage":1}',
      '{"stage":"kernel","x":1}',
      '{"stage":"kernel","detail":1}',
    ])
      assert.equal(report('52-54-00-77-00-01', bad).status, 400, bad)
    assert.equal(report('nonsense', said('kernel')).status, 400)
    writeFileSync('/run/large', JSON.stringify({ stage: 'kernel', detail: 'x'.repeat(20_000) }))
    assert.equal(report('52-54-00-77-00-01', '@/run/large').status, 413)
  })

  test('reports are bounded in rate, for each address', options, () => {
    const statuses = new Set<number>()
    // Two a second come back; a burst of forty is far more than that in any time curl can take.
    const targets = Array.from({ length: 40 }, () => [
      `${BASE}/v1/report/52-54-00-77-00-01`,
      '-o',
      '/dev/null',
    ]).flat()
    const { stdout } = client.run(
      'curl',
      '-s',
      '--max-time',
      '20',
      '-w',
      '%{http_code}\n',
      '--data-binary',
      '{"stage":"kernel"}',
      ...targets,
    )
    for (const line of stdout.trim().split('\n')) statuses.add(Number(line))
    assert.ok(statuses.has(429), [...statuses].join())
    assert.equal(
      report('52-54-00-77-00-02', '{"stage":"kernel"}', other).status,
      204,
      'another address is not affected',
    )
  })

  test('GET /health', options, () => {
    const { status, headers, body } = curl('/health')
    assert.equal(status, 200)
    assert.match(headers['content-type'] ?? '', /^application\/json/)
    assert.equal(JSON.parse(body.toString()).status, 'ok')
  })

  test(
    'what was not asked for is not there: no attempt for node02, no fault in the log',
    options,
    async () => {
      const from = server.stderr.length
      assert.equal(report('52-54-00-77-00-02', '{"stage":"kernel","nonce":"00"}', other).status, 204)
      await server.event('report', { node: 'node02', because: /^no boot/ }, from)
      assert.doesNotMatch(server.stderr, /"level":"(error|warn)"/)
      assert.deepEqual(await server.stop(), { code: 0, signal: null })
      const events = await centra('events', '--config', site.config, '--json', '--limit', '5000')
      const kinds = new Set(
        events.stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).kind),
      )
      for (const kind of ['dhcp.ack', 'http.script', 'http.start', 'http.done', 'boot.failed', 'report'])
        assert.ok(kinds.has(kind), kind)
    },
  )
})
