/** HTTPS with real clients: curl and OpenSSL, certificates made by `tls init`, changed while the server runs. */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { connect } from 'node:tls'
import { inNetns } from '../helpers/netns.ts'
import {
  centra,
  endAll,
  eventually,
  loggedEvents,
  makeSite,
  missing,
  type Running,
  serve,
  sha256,
} from '../helpers/server.ts'

const HTTPS = '10.77.0.1:8443'
const BASE = `https://${HTTPS}`
const CA = '/run/site/tls/ca.crt'
const NODE01 = '52:54:00:77:00:01'
const options = { timeout: 60_000, skip: missing('curl', 'openssl', 'busybox') }

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.bridge('prov0', [], { address: '10.77.0.1/24' })
  net.veth({ name: 'port1' }, { name: 'eth0', mac: NODE01, address: '10.77.0.11/24', host: client })
  net.run('ip', 'link', 'set', 'port1', 'master', 'prov0')
  const site = makeSite('/run/site')
  const https = (text: string): string =>
    text
      .replace(
        'boot: { http: 8080 }',
        'boot: { http: 8080, https: { certificate: tls/server.crt, key: tls/server.key } }',
      )
      .replace('dhcp: server', 'dhcp: server\n    https: [scripts, reports]')
      .replace(
        'images:\n',
        '  - { name: behind, subnet: 10.99.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.99.0.100 }\n\nimages:\n',
      )
  let server: Running
  after(endAll)

  const curl = (
    target: string,
    ...flags: readonly string[]
  ): { readonly code: number | null; readonly text: string } => {
    const { code, stdout, stderr } = client.run(
      ...(['curl', '-sS', '--max-time', '20', '--cacert', CA, ...flags, BASE + target] as const),
    )
    return { code, text: code === 0 ? stdout : stderr }
  }
  const openssl = (...args: readonly string[]): string => {
    const { stdout, stderr } = client.run(
      'sh',
      '-c',
      `openssl s_client -connect ${HTTPS} ${args.join(' ')} </dev/null`,
    )
    return stdout + stderr
  }
  const shownSerial = (): string =>
    client.run(
      'sh',
      '-c',
      `openssl s_client -connect ${HTTPS} </dev/null 2>/dev/null | openssl x509 -noout -serial`,
    ).stdout
  const health = async (): Promise<string> => client.run('curl', '-s', 'http://10.77.0.1:8080/health').stdout

  test('without its files, validate says what is missing and where it is written', options, async () => {
    site.rewrite(https)
    const { code, stdout } = await centra('validate', site.config)
    assert.equal(code, 78)
    const lines = stdout.trim().split('\n')
    assert.match(
      lines[0] ?? '',
      /lab\.yaml:\d+:\d+: server\.boot\.https\.certificate: \/run\/site\/tls\/server\.crt cannot be read: ENOENT/,
    )
    assert.match(lines[1] ?? '', /server\.boot\.https\.key: \/run\/site\/tls\/server\.key cannot be read/)
  })

  test('tls init makes them for the addresses of the networks, and the server starts', options, async () => {
    const { code, stderr, stdout } = await centra(
      'tls',
      'init',
      '--config',
      site.config,
      '--name',
      'boot.test',
    )
    assert.deepEqual([code, stdout], [0, ''], stderr)
    assert.match(stderr, /for 10\.77\.0\.1, boot\.test, until/)
    for (const words of ['fw_cfg', 'TRUST=', 'Enroll Cert', '--cacert'])
      assert.ok(stderr.includes(words), words)
    assert.deepEqual(await centra('validate', site.config).then(({ code: valid }) => valid), 0)
    server = await serve(site, '--log', 'json')
    assert.match(server.stderr, /^ready .*tcp 10\.77\.0\.1:8080, .*tcp 10\.77\.0\.1:8443/m)
    assert.equal((await centra('tls', 'init', '--config', site.config)).code, 2, 'never overwrites')
  })

  test('scripts, loaders and large files come over TLS, each octet as it is', options, () => {
    const script = curl('/boot/52-54-00-77-00-01.ipxe')
    assert.equal(script.code, 0, script.text)
    assert.match(script.text, /^#!ipxe\n/)
    const kernel = /https:\/\/10\.77\.0\.1:8443(\/images\/\S+\/vmlinuz)/.exec(script.text)?.[1]
    assert.ok(kernel, script.text)
    assert.doesNotMatch(script.text, /http:\/\//)
    const initrd = kernel.replace(
      /\/[0-9a-f]{64}\/vmlinuz$/,
      `/${sha256(site.files['initrd.img'])}/initrd.img`,
    )
    for (const [path, bytes] of [
      [kernel, site.files.vmlinuz],
      [initrd, site.files['initrd.img']],
      ['/firmware/snponly.efi', site.files['snponly.efi']],
    ] as const) {
      const got = curl(path, '-o', '/run/got')
      assert.equal(got.code, 0, `${path}: ${got.text}`)
      assert.ok(readFileSync('/run/got').equals(bytes), path)
    }
    const part = curl('/firmware/snponly.efi', '-r', '5-9', '-o', '/run/got')
    assert.equal(part.code, 0)
    assert.ok(readFileSync('/run/got').equals(site.files['snponly.efi'].subarray(5, 10)))
    assert.equal(curl('/v1/report/52-54-00-77-00-01', '-f', '-d', '{"stage":"kernel"}').code, 0)
  })

  test('a machine behind a router is of its own network, over HTTPS too', options, async () => {
    net.run('ip', 'route', 'add', '10.99.0.0/24', 'dev', 'prov0')
    client.run('ip', 'address', 'add', '10.99.0.5/32', 'dev', 'eth0')
    assert.equal(curl('/firmware/snponly.efi', '--interface', '10.99.0.5', '-o', '/dev/null').code, 0)
    await server.event('http.done', { address: '10.99.0.5', network: 'behind' })
  })

  test('over HTTP the same script names HTTP', options, () => {
    const { stdout } = client.run('curl', '-s', 'http://10.77.0.1:8080/boot/52-54-00-77-00-01.ipxe')
    assert.match(stdout, /http:\/\/10\.77\.0\.1:8080\/images/)
    assert.doesNotMatch(stdout, /https:\/\/\S+\/images/)
    assert.match(stdout, /centra\.report=https:\/\/10\.77\.0\.1:8443\/v1/)
  })

  test(
    'H17: TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256: the handshake is done, the whole chain sent',
    options,
    () => {
      const said = openssl(
        '-tls1_2',
        '-cipher ECDHE-RSA-AES128-GCM-SHA256',
        `-CAfile ${CA} -showcerts -verify_return_error`,
      )
      assert.match(said, /Verify return code: 0 \(ok\)/)
      assert.match(said, /Protocol *: TLSv1\.2/)
      assert.match(said, /Cipher *: ECDHE-RSA-AES128-GCM-SHA256/)
      const sent = said.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
      assert.deepEqual(sent.slice(0, 2).join(''), readFileSync('/run/site/tls/server.crt', 'utf8'))
    },
  )

  test('the suites of an iPXE of 2019 and later ones, TLS 1.3, and nothing older than 1.2', options, () => {
    for (const suite of [
      'AES256-SHA256',
      'AES128-SHA',
      'DHE-RSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-SHA384',
    ])
      assert.match(openssl('-tls1_2', `-cipher ${suite}`), new RegExp(`Cipher *: ${suite}`), suite)
    assert.match(openssl('-tls1_3'), /New, TLSv1\.3/)
    assert.match(openssl('-tls1_1 -cipher ALL@SECLEVEL=0'), /Cipher is \(NONE\)/)
    assert.match(openssl('-alpn h2,http/1.1'), /ALPN protocol: http\/1\.1|No ALPN negotiated/)
  })

  test('a client that does not trust the certificate is on the timeline', options, async () => {
    const { code, text } = curl('/health', '--cacert', '/etc/ssl/certs/ca-certificates.crt')
    assert.notEqual(code, 0, text)
    await server.event('https.failed', { address: '10.77.0.11', reason: /unknown ca/i })
    client.run('busybox', 'nc', '-w', '1', '10.77.0.1', '8443')
    await server.event('https.failed', { address: '10.77.0.11', reason: /^closed before it was secure/ })
    const reasons = loggedEvents(server.stderr)
      .filter(({ kind }) => kind === 'https.failed')
      .map(({ detail }) => String(detail['reason']))
    assert.match(
      reasons.join('; '),
      /^[^;]*(version|protocol)[^;]*; [^;]*unknown ca; closed[^;]*$/,
      'TLS 1.1, this curl, that nc; what became secure is no failure',
    )
  })

  test('iPXE is sent there by DHCP; explain says why', options, async () => {
    const args = ['--config', site.config, '--mac', NODE01, '--arch', 'uefi-x64', '--stage', 'ipxe'] as const
    const dhcp = await centra('explain', ...args)
    assert.match(dhcp.stdout, /script-url https:\/\/10\.77\.0\.1:8443\/boot\.ipxe/, dhcp.stdout + dhcp.stderr)
    assert.match(dhcp.stdout, /https: scripts, reports \(network provisioning\): scripts over HTTPS/)
    const http = await centra('explain', ...args, '--via', 'http', '--json')
    assert.match(http.stdout, /https:\/\/10\.77\.0\.1:8443\/images\//)
  })

  test('a new certificate is taken without a restart, and cuts no connection', options, async () => {
    const before = shownSerial()
    const open = connect({ host: '10.77.0.1', port: 8443, ca: readFileSync(CA) })
    open.setEncoding('latin1')
    let got = ''
    open.on('data', (text: string) => {
      got += text
    })
    const ask = async (): Promise<void> => {
      got = ''
      open.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
      await eventually('an answer', () => (got.includes('"services"') ? true : undefined))
    }
    await ask()
    const renewed = await centra(
      'tls',
      'renew',
      '--config',
      site.config,
      '--days',
      '30',
      '--address',
      '10.99.0.1',
    )
    assert.equal(renewed.code, 0, renewed.stderr)
    const later = await eventually('the new certificate', () => {
      const now = shownSerial()
      return now !== '' && now !== before ? now : undefined
    })
    assert.match(later, /^serial=/)
    await ask()
    open.destroy()
    const { stdout } = await centra('tls', 'show', '--config', site.config, '--json')
    const shown = JSON.parse(stdout)
    assert.deepEqual(
      [shown.addresses, shown.names, shown.chainLength],
      [['10.77.0.1', '10.99.0.1'], ['boot.test'], 2],
    )
    assert.match(await health(), /"https":"ok"/)
  })

  test('a pair that does not belong together leaves the old one, and health says so', options, async () => {
    const before = shownSerial()
    copyFileSync('/run/site/tls/server.key', '/run/server.key.good')
    copyFileSync('/run/site/tls/ca.key', '/run/site/tls/server.key')
    const told = await eventually('the problem', async () => {
      const text = await health()
      return text.includes('the old certificate stays') ? text : undefined
    })
    assert.match(told, /server\.key does not belong to the first certificate/)
    assert.equal(shownSerial(), before)
    assert.equal(curl('/boot.ipxe').code, 0)
    const from = server.stderr.length
    server.signal('SIGHUP')
    await server.event('config.rejected', {}, from)
    assert.equal(shownSerial(), before)
    copyFileSync('/run/server.key.good', '/run/site/tls/server.key')
    await eventually('health', async () => ((await health()).includes('"https":"ok"') ? true : undefined))
  })

  test('a reload takes HTTPS away and brings it on another port; HTTP stays', options, async () => {
    site.rewrite((text) => text)
    server.signal('SIGHUP')
    await eventually('no HTTPS', () => (curl('/boot.ipxe').code === 7 ? true : undefined))
    assert.equal((await health()).includes('"https"'), false)
    site.rewrite((text) => https(text).replace('https: { c', 'https: { port: 9443, c'))
    server.signal('SIGHUP')
    await eventually('HTTPS on 9443', () => {
      const { code } = client.run(
        'curl',
        '-s',
        '-o',
        '/dev/null',
        '--cacert',
        CA,
        'https://10.77.0.1:9443/boot.ipxe',
      )
      return code === 0 ? true : undefined
    })
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
  })

  test('https: without a listener, a port twice, an address that no machine may find', options, async () => {
    const told = async (change: (text: string) => string): Promise<string> => {
      site.rewrite(change)
      const { stdout, stderr } = await centra('validate', site.config)
      return stdout + stderr
    }
    const bare = (text: string): string => text.replace('dhcp: server', 'dhcp: server\n    https: firmware')
    assert.match(await told(bare), /networks\[0\]\.https: nothing is served over HTTPS: server\.boot\.https/)
    const twice = (text: string): string => https(text).replace('https: { c', 'https: { port: 8080, c')
    assert.match(await told(twice), /server\.boot\.https: port 8080 is that of http: already/)
    writeFileSync('/run/empty.crt', '')
    const empty = (text: string): string => https(text).replace('tls/server.crt', '/run/empty.crt')
    assert.match(await told(empty), /https\.certificate: \/run\/empty\.crt has no certificate in PEM form/)
    const other = await centra('tls', 'init', '--dir', '/run/other', '--address', '10.99.0.9')
    assert.equal(other.code, 0)
    const elsewhere = (text: string): string => https(text).replaceAll('tls/server', '/run/other/server')
    assert.match(await told(elsewhere), /warning: does not name 10\.77\.0\.1, our address on provisioning/)
  })
})
