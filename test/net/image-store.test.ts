import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { inNetns } from '../helpers/netns.ts'
import { centra, eventually, makeSite, missing, type Running, serve, sha256 } from '../helpers/server.ts'

const BASE = 'http://10.77.0.1:8080'
const NODE02 = '/boot/52-54-00-77-00-02.ipxe'
const options = { timeout: 60_000, skip: missing('curl') }

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.12/24', host: client },
  )
  const site = makeSite('/run/site', (text) =>
    text.replace(/( {2}worker:\n {4}image: )debian-live/, '$1noble'),
  )
  const store = `${site.stateDir}/images`
  let server: Running

  const image = (...args: readonly string[]): ReturnType<typeof centra> =>
    centra('image', ...args, '--config', site.config)
  /** Adds a version whose files are this kernel and this initrd. */
  const add = async (kernel: Uint8Array, initrd: Uint8Array): Promise<void> => {
    mkdirSync('/run/src', { recursive: true })
    writeFileSync('/run/src/linux', kernel)
    writeFileSync('/run/src/initrd.gz', initrd)
    const files = ['--kernel', '/run/src/linux', '--initrd', '/run/src/initrd.gz']
    const { code, stderr } = await image('add', 'noble', ...files, '--cmdline', 'quiet console=ttyS0')
    assert.equal(code, 0, stderr)
  }
  const get = (path: string): { readonly status: string; readonly body: Buffer; readonly head: string } => {
    for (const file of ['/run/head', '/run/body']) writeFileSync(file, '')
    const flags = ['-s', '--max-time', '20', '-D', '/run/head', '-o', '/run/body', '-w', '%{http_code}']
    const { stdout } = client.run('curl', ...flags, BASE + path)
    return { status: stdout, body: readFileSync('/run/body'), head: readFileSync('/run/head', 'latin1') }
  }
  const script = (): string => get(NODE02).body.toString()
  const health = (): string => client.run('curl', '-s', `${BASE}/health`).stdout
  const address = (bytes: Uint8Array, name: string): string => `/images/noble/${sha256(bytes)}/${name}`

  const [kernel1, kernel2] = [randomBytes(900_001), randomBytes(900_003)]
  const [initrd1, initrd2] = [randomBytes(24_000_007), randomBytes(6_000_011)]

  test(
    'a profile names an image that the store has not: 78, and what to do; added, it serves',
    options,
    async () => {
      const { code, stderr } = await centra('serve', '--config', site.config)
      assert.equal(code, 78)
      assert.match(
        stderr,
        /profiles\.worker\.image: there is no image noble under images:, nor in the image store/,
      )
      await add(kernel1, initrd1)
      const elsewhere = await centra('serve', '--config', site.config, '--state-dir', '/run/elsewhere')
      assert.equal(elsewhere.code, 78)
      assert.match(elsewhere.stderr, /no image noble .* nor in the image store \/run\/elsewhere\/images/)
      server = await serve(site)
      const text = script()
      for (const path of [address(kernel1, 'linux'), address(initrd1, 'initrd.gz')])
        assert.ok(text.includes(path))
      assert.match(text, / quiet /)
      const { status, body, head } = get(address(kernel1, 'linux'))
      assert.equal(status, '200')
      assert.ok(body.equals(kernel1))
      assert.match(head, /^Cache-Control: public, max-age=31536000, immutable\r$/m)
      assert.ok(head.includes(`ETag: "${sha256(kernel1)}"`))
      const explained = await centra(
        'explain',
        '--config',
        site.config,
        '--mac',
        '52:54:00:77:00:02',
        '--via',
        'http',
      )
      assert.match(explained.stdout, /image store, noble [0-9a-f]{12}/)
    },
  )

  test(
    'a new version while machines boot the old one: they finish on it, the next script names the new one',
    options,
    async () => {
      writeFileSync('/run/slow', '')
      const slow = client.spawn('curl', [
        '-s',
        '--limit-rate',
        '8M',
        '-o',
        '/run/slow',
        BASE + address(initrd1, 'initrd.gz'),
      ])
      const ended = once(slow, 'exit')
      await eventually('its first octets', () => statSync('/run/slow').size > 0 || undefined)
      slow.kill('SIGSTOP')
      await add(kernel2, initrd2)
      assert.ok(statSync('/run/slow').size < initrd1.length, 'the old version was on its way meanwhile')
      const text = script()
      assert.ok(text.includes(address(kernel2, 'linux')) && !text.includes(sha256(kernel1)))
      assert.ok(
        get('/images/noble/initrd.gz').body.equals(initrd2),
        'the address without a hash is the current one',
      )
      for (const [bytes, name] of [
        [kernel1, 'linux'],
        [initrd1, 'initrd.gz'],
        [kernel2, 'linux'],
        [initrd2, 'initrd.gz'],
      ] as const)
        assert.ok(get(address(bytes, name)).body.equals(bytes))
      assert.equal(get(address(kernel1, 'initrd.gz')).status, '404', 'of another name')
      slow.kill('SIGCONT')
      await ended
      assert.ok(readFileSync('/run/slow').equals(initrd1))
    },
  )

  test(
    'gc keeps what a booting machine was given; afterwards the old addresses are gone',
    options,
    async () => {
      assert.equal((await image('gc', '--keep', '1')).code, 0)
      assert.equal(get(address(kernel1, 'linux')).status, '200', 'replaced a moment ago')
      await new Promise((resolve) => setTimeout(resolve, 1100))
      const { stdout } = await image('gc', '--keep', '1', '--grace', '1s', '--json')
      assert.equal(JSON.parse(stdout).removed.length, 1)
      assert.equal(get(address(kernel1, 'linux')).status, '404')
      assert.ok(get(address(kernel2, 'linux')).body.equals(kernel2))
    },
  )

  test(
    'removed: refused while a profile boots it; by force the machine gets its local disk, /health says so',
    options,
    async () => {
      const refused = await image('remove', 'noble')
      assert.deepEqual([refused.code, refused.stdout], [1, ''])
      assert.match(refused.stderr, /noble is what the profile worker boots/)
      assert.equal((await image('remove', 'noble', '--force')).code, 0)
      assert.match(script(), /local disk, profile worker has no image that is on disk/)
      assert.ok(get(address(kernel2, 'linux')).body.equals(kernel2), 'whoever boots it finishes')
      assert.equal(get('/images/noble/linux').status, '404')
      await eventually('/health says so', () => /image noble.*has none/.test(health()) || undefined)
      await add(kernel2, initrd2)
      assert.ok(script().includes(address(kernel2, 'linux')))
      await eventually('/health is well', () => /"status":"ok"/.test(health()) || undefined)
    },
  )

  test(
    'a symbolic link in the place of a file, or an older catalogue: no octet from outside the store',
    options,
    async () => {
      const secret = randomBytes(kernel2.length)
      writeFileSync('/run/secret', secret)
      const path = `${store}/files/${sha256(kernel2)}`
      renameSync(path, '/run/kept')
      symlinkSync('/run/secret', path)
      const answer = get(address(kernel2, 'linux'))
      // Its own octets from memory; test/net/traversal.test.ts exchanges a file that nobody has asked for.
      assert.ok(answer.status === '503' || answer.body.equals(kernel2), answer.status)
      assert.ok(!answer.body.includes(secret.subarray(0, 16)))
      await add(kernel1, initrd1)
      assert.equal(get(address(kernel2, 'linux')).status, '404', 'read again, it is no file of the store')
      rmSync(path)
      renameSync('/run/kept', path)
      await add(kernel2, initrd2)
      assert.ok(get(address(kernel2, 'linux')).body.equals(kernel2))
      for (const target of [
        '/images/noble/../../state.db',
        '/images/noble/%2e%2e/%2e%2e/state.db',
        '/images/catalogue.json',
        `/images/files/${sha256(kernel2)}`,
        `/images/noble/${sha256(kernel2)}/..%2f..%2fcatalogue.json`,
      ])
        assert.equal(get(target).status, '404', target)
    },
  )

  test(
    'a catalogue that is damaged: the server keeps what it had, /health names the file',
    options,
    async () => {
      const path = `${store}/catalogue.json`
      const good = readFileSync(path)
      writeFileSync(path, good.subarray(0, 100))
      assert.ok(script().includes(address(kernel2, 'linux')))
      assert.ok(get(address(kernel1, 'linux')).body.equals(kernel1))
      await eventually('/health', () => /catalogue\.json is no catalogue/.test(health()) || undefined)
      writeFileSync(path, good)
      await eventually('/health', () => /"status":"ok"/.test(health()) || undefined)
    },
  )

  test(
    'an image of the configuration and of the store: add refuses, the configuration wins',
    options,
    async () => {
      const refused = await image('add', 'debian-live', '--kernel', '/run/src/linux')
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /the configuration declares an image debian-live itself, .*lab\.yaml:\d+/)
      const forced = await centra(
        ...['image', 'add', 'debian-live', '--state-dir', site.stateDir, '--kernel', '/run/src/linux'],
      )
      assert.equal(forced.code, 0, forced.stderr)
      assert.ok(get('/images/debian-live/vmlinuz').body.equals(site.files.vmlinuz))
      assert.equal(get('/images/debian-live/linux').status, '404')
      const { code, stderr } = await centra('validate', site.config)
      assert.equal(code, 0)
      assert.match(stderr, /images\.debian-live: warning: the image store .* has an image debian-live too/)
      const listed = (await image('list')).stdout
      assert.match(listed, /^debian-live .*not booted, the configuration has one too$/m)
      assert.doesNotMatch(server.stderr, /fault/)
      assert.deepEqual(await server.stop(), { code: 0, signal: null })
    },
  )
})
