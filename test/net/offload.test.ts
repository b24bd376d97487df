import assert from 'node:assert/strict'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, makeSite, missing, type Running, serve, sha256 } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const NODE01 = '52:54:00:77:00:01'
const OWN = 'http://10.77.0.1:8080'
const BASE = 'http://10.77.0.9:80/boot'
const SCRIPT = `${OWN}/boot/52-54-00-77-00-01.ipxe`
const IPXE = 'iPXE/1.21.1+'
const options = { timeout: 60_000, skip: missing('curl', 'tcpdump') }
// Outside of the namespaces what the cache lacks is downloaded.
const peer = await unpackPeer('nginx')

inNetns(import.meta, (net) => {
  const client = net.host('client')
  const store = net.host('store')
  net.veth({ name: 'port1' }, { name: 'eth0', mac: NODE01, address: '10.77.0.11/24', host: client })
  net.veth({ name: 'port2' }, { name: 'eth0', address: '10.77.0.9/24', host: store })
  net.bridge('prov0', ['port1', 'port2'], { address: '10.77.0.1/24' })
  const files = (value: string): ((text: string) => string) => {
    return (text) => text.replace('    lease: 1h\n', `    lease: 1h\n    files: ${value}\n`)
  }
  const site = makeSite('/run/site', files(BASE))
  let server: Running

  const curl = (url: string, ...flags: readonly string[]): Buffer => {
    rmSync('/run/body', { force: true })
    const { code, stderr } = client.run(
      'curl',
      '-sf',
      '--max-time',
      '20',
      '-A',
      IPXE,
      '-o',
      '/run/body',
      ...flags,
      url,
    )
    assert.equal(code, 0, `${url}: ${stderr}`)
    return existsSync('/run/body') ? readFileSync('/run/body') : Buffer.alloc(0)
  }
  const urlsOf = (script: string): readonly string[] =>
    [...script.matchAll(/^set url (http\S+\/images\/\S+)$/gm)].map(([, url = '']) =>
      url.replaceAll('${fault}', '4c0a6095'),
    )
  const reload = async (value: string): Promise<void> => {
    site.rewrite(files(value))
    assert.equal((await centra('reload', '--config', site.config)).code, 0)
  }

  test(
    'image export makes what the addresses say, by hard links to the store; once more changes nothing',
    options,
    async () => {
      const place = ['--config', site.config] as const
      const images = `${site.dir}/images`
      writeFileSync('/run/stored.img', 'another initrd')
      const add = await centra(
        'image',
        'add',
        'other',
        '--kernel',
        `${images}/vmlinuz`,
        '--initrd',
        '/run/stored.img',
        ...place,
      )
      assert.equal(add.code, 0, add.stderr)
      const first = await centra('image', 'export', '/run/www/boot', ...place)
      assert.equal(first.code, 0, first.stderr)
      assert.match(first.stderr, /2 files linked, 2 copied, 0 were there/)
      const hash = sha256(site.files.vmlinuz)
      const [declared, stored] = ['debian-live', 'other'].map(
        (name) => `/run/www/boot/images/${name}/${hash}/vmlinuz`,
      )
      for (const path of [declared, stored]) assert.deepEqual(readFileSync(path ?? ''), site.files.vmlinuz)
      assert.equal(statSync(stored ?? '').ino, statSync(`${site.stateDir}/images/files/${hash}`).ino)
      const moved = '/run/elsewhere.img'
      renameSync(`${images}/vmlinuz`, moved)
      symlinkSync(moved, `${images}/vmlinuz`)
      rmSync(declared ?? '')
      const followed = await centra('image', 'export', '/run/www/boot', ...place)
      assert.match(
        followed.stderr,
        /0 files linked, 1 copied, 3 were there/,
        'a link that the configuration names',
      )
      assert.ok(lstatSync(declared ?? '').isFile())
      mkdirSync(`/run/www/boot/images/other/${'0'.repeat(64)}`)
      const again = await centra('image', 'export', '/run/www/boot', '--prune', ...place)
      assert.match(again.stderr, /0 files linked, 0 copied, 4 were there, 1 versions taken away/)
      assert.equal((await centra('image', 'remove', 'other', ...place)).code, 0)
    },
  )

  test(
    'image export --prune takes nothing away while images cannot be read, or there are none',
    options,
    async () => {
      const folder = '/run/kept/images/one'
      const version = `${folder}/${'0'.repeat(64)}`
      mkdirSync(version, { recursive: true })
      mkdirSync('/run/torn/images', { recursive: true })
      writeFileSync('/run/torn/images/catalogue.json', 'torn')
      for (const [stateDir, why] of [
        ['/run/torn', /image store: .*nothing is taken away/s],
        ['/run/nowhere', /has no image: nothing is taken away/],
      ] as const) {
        const { code, stderr } = await centra(
          ...(['image', 'export', '/run/kept', '--prune', '--state-dir', stateDir] as const),
        )
        assert.equal(code, 1)
        assert.match(stderr, why)
        assert.ok(existsSync(version))
      }
    },
  )

  test("by script: nginx has every address of iPXE's script, byte-identical", {
    ...options,
    skip: options.skip || ('why' in peer && peer.why),
  }, async () => {
    assert.ok('tree' in peer)
    const example = /^```nginx\n(.*?)^```$/ms.exec(readFileSync('docs/images.md', 'utf8'))?.[1] ?? ''
    mkdirSync('/run/nginx')
    const settings =
      'daemon off; pid /run/nginx/pid; error_log /run/nginx/error; user root; worker_processes 1; events {}'
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path /run/nginx/${kind};`,
    )
    const http = `http { access_log /run/nginx/access; ${paths.join(' ')}\n${example.replace('/srv/www', '/run/www')} }`
    writeFileSync('/run/nginx/conf', `${settings}\n${http}\n`)
    const nginx = store.spawn('env', [
      peerEnvironment(peer.tree),
      `${peer.tree}/usr/sbin/nginx`,
      '-e',
      '/run/nginx/error',
      '-c',
      '/run/nginx/conf',
    ])
    nginx.stdout?.resume()
    nginx.stderr?.resume()
    server = await serve(site, '--log', 'json')
    const wire = await Wire.open(client, 'eth0')
    assert.ok(wire)
    await wire.ask(clientMessage('DISCOVER', NODE01))
    await wire.ask(clientMessage('REQUEST', NODE01, { address: '10.77.0.11', server: '10.77.0.1' }))
    await wire.close()
    const urls = urlsOf(curl(SCRIPT).toString())
    const [kernel = '', initrd = ''] = urls
    assert.ok(kernel.startsWith(`${BASE}/images/debian-live/`), urls.join(' '))
    const from = server.stderr.length
    assert.deepEqual(
      curl(kernel, '--retry', '20', '--retry-connrefused', '--retry-delay', '1'),
      site.files.vmlinuz,
    )
    assert.deepEqual(curl(initrd), site.files['initrd.img'])
    assert.deepEqual(curl(initrd, '-r', '100-199'), site.files['initrd.img'].subarray(100, 200))
    assert.match(readFileSync('/run/nginx/access', 'utf8'), /initrd\.img/)
    assert.doesNotMatch(server.stderr.slice(from), /http\.start/)
    await server.event('http.script', { node: 'node01', files: BASE })
    nginx.kill('SIGKILL')
  })

  test(
    "what the other server does not give comes from us, at the same path, and is told with iPXE's reason",
    options,
    async () => {
      server ??= await serve(site, '--log', 'json')
      const script = curl(SCRIPT).toString()
      const own = urlsOf(script).filter((url) => url.startsWith(OWN))
      assert.equal(own.length, 3, script)
      assert.deepEqual(curl(own[0] ?? ''), site.files.vmlinuz)
      await server.event('files.fallback', {
        file: 'vmlinuz',
        base: BASE,
        address: '10.77.0.11',
        errno: '4c0a6095',
      })
      await server.event('http.done', { file: 'vmlinuz' })
    },
  )

  test(
    'by redirect: iPXE alone is sent on; its fallback, EDK2, GRUB and others get the bytes',
    options,
    async () => {
      server ??= await serve(site, '--log', 'json')
      await reload(`{ url: '${BASE}/', by: redirect }`)
      const urls = urlsOf(curl(SCRIPT).toString())
      assert.ok(
        urls.every((url) => url.startsWith(OWN)),
        urls.join(' '),
      )
      const [kernel = ''] = urls
      const head = client.run('curl', '-s', '-o', '/dev/null', '-D', '-', '-A', IPXE, kernel).stdout
      assert.match(head, /^HTTP\/1\.1 302 /)
      assert.match(head, new RegExp(`\r\nLocation: ${kernel.replace(OWN, BASE)}\r\n`))
      await server.event('http.redirect', { file: 'vmlinuz' })
      assert.deepEqual(curl(`${kernel}?fallback=4c0a6095`), site.files.vmlinuz)
      for (const agent of ['UefiHttpBoot/1.0', 'GRUB 2.06', 'curl/8'])
        assert.deepEqual(curl(kernel, '-A', agent), site.files.vmlinuz, agent)
    },
  )

  test('explain names the rule and its line', options, async () => {
    const { stdout } = await centra('explain', '--config', site.config, '--mac', NODE01, '--via', 'http')
    assert.match(stdout, /files\.base .*10\.77\.0\.9:80\/boot/)
  })

  for (const [value, problem] of [
    ['ftp://x/', 'expected an address of http:// or https://'],
    ['http://user:secret@x/', 'has a user name or a password'],
    ['http://x/a?b=c', 'has a query or a fragment'],
    ["http://x/a'b", 'has characters that boot loaders cannot carry'],
    ["'http://x/${y}'", 'has characters that boot loaders cannot carry'],
    ['http://x/../y', 'has characters that boot loaders cannot carry'],
    ['7', 'expected an address, such as http://files.example.org/boot, or url: and by:'],
    ['{ url: http://x, by: magic }', 'by: expected script or redirect'],
    [OWN, 'is this server itself'],
  ] as const)
    test(`files: ${value} is an error with its place`, options, async () => {
      site.rewrite(files(value))
      const { code, stdout } = await centra('validate', site.config)
      assert.equal(code, 78)
      assert.match(stdout, /lab\.yaml:\d+:\d+: networks\[0\]\.files/)
      assert.ok(stdout.includes(problem), stdout)
      assert.ok(!stdout.includes('secret'))
    })
})
