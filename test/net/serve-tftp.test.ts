import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { type CommandResult, inNetns } from '../helpers/netns.ts'
import { eventually, makeSite, missing, type Running, serve, sha256 } from '../helpers/server.ts'

const LOADERS = ['undionly.kpxe', 'snponly.efi'] as const
const GOT = '/run/got'
const options = { timeout: 60_000 }

/** How each client says "fetch NAME to /run/got"; tftp-hpa's command is plain `tftp`. */
const CLIENTS: Readonly<
  Record<string, { readonly program: string; readonly get: (name: string) => readonly string[] }>
> = {
  curl: {
    program: 'curl',
    get: (name) => ['curl', '-sS', '--max-time', '10', '--path-as-is', '-o', GOT, `tftp://10.77.0.1/${name}`],
  },
  'curl, without options': {
    program: 'curl',
    get: (name) => [
      'curl',
      '-sS',
      '--max-time',
      '10',
      '--path-as-is',
      '--tftp-no-options',
      '-o',
      GOT,
      `tftp://10.77.0.1/${name}`,
    ],
  },
  'tftp-hpa': {
    program: 'tftp',
    get: (name) => ['timeout', '10', 'tftp', '-m', 'binary', '10.77.0.1', '-c', 'get', name, GOT],
  },
  busybox: {
    program: 'busybox',
    get: (name) => [
      'timeout',
      '10',
      'busybox',
      'tftp',
      '-g',
      '-b',
      '1428',
      '-r',
      name,
      '-l',
      GOT,
      '10.77.0.1',
    ],
  },
  atftp: {
    program: 'atftp',
    get: (name) => [
      'timeout',
      '10',
      'atftp',
      '--option',
      'blksize 1024',
      '-g',
      '-r',
      name,
      '-l',
      GOT,
      '10.77.0.1',
    ],
  },
}

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )
  const site = makeSite('/run/site')
  writeFileSync('/run/site/firmware/secret', 'not published')
  let server: Running
  const run = ([program = '', ...args]: readonly string[]): CommandResult => {
    rmSync(GOT, { force: true })
    return client.run(program, ...args)
  }
  const got = (): Buffer => {
    try {
      return readFileSync(GOT)
    } catch {
      return Buffer.alloc(0)
    }
  }

  test('the server starts', options, async () => {
    server = await serve(site, '--log', 'json')
  })

  for (const [index, [name, { program, get }]] of Object.entries(CLIENTS).entries()) {
    // An address each: the log takes 30 events of one machine at once (app/attention.ts).
    const address = `10.77.0.${50 + index}`
    test(`${name} gets both loaders, byte for byte`, { ...options, skip: missing(program) }, async () => {
      client.run('ip', 'address', 'flush', 'dev', 'eth0')
      client.run('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
      for (const loader of LOADERS) {
        const from = server.stderr.length
        const { stderr, stdout } = run(get(loader))
        assert.ok(got().equals(site.files[loader]), `${loader}: ${got().length} octets ${stderr}${stdout}`)
        await server.event('tftp.done', { file: loader, address, bytes: site.files[loader].length }, from)
      }
      for (const odd of [`/${LOADERS[0]}`, `//${LOADERS[0]}`]) {
        run(get(odd))
        assert.ok(got().equals(site.files[LOADERS[0]]), odd)
      }
    })

    test(`${name} is refused what is not published`, { ...options, skip: missing(program) }, async () => {
      for (const bad of [
        'nothing.efi',
        'secret',
        '../lab.yaml',
        '../../../../etc/passwd',
        'firmware/../../lab.yaml',
        '..\\lab.yaml',
        '/etc/passwd',
        'undionly.kpxe/../secret',
      ]) {
        const from = server.stderr.length
        const { stderr, stdout } = run(get(bad))
        assert.equal(got().length, 0, `${bad}: ${stderr}${stdout}`)
        await eventually(`an event for ${bad}`, () =>
          server.stderr.slice(from).includes('"tftp.refused"') ? true : undefined,
        )
      }
    })
  }

  const windowed = (blksize: number): readonly string[] => [
    ...['timeout', '10', 'atftp', '--option', `blksize ${blksize}`, '--option', 'windowsize 4'],
    ...['-g', '-r', 'snponly.efi', '-l', GOT, '10.77.0.1'],
  ]

  test('T07: no block is longer than the MTU of its interface takes', {
    ...options,
    skip: missing('atftp'),
  }, async () => {
    const narrow = async (mtu: number): Promise<void> => {
      net.run('ip', 'link', 'set', 'prov0', 'mtu', `${mtu}`)
      await server.stop()
      server = await serve(site, '--log', 'json')
    }
    await narrow(1400)
    const from = server.stderr.length
    run(windowed(1468))
    assert.ok(got().equals(site.files['snponly.efi']))
    await server.event('tftp.start', { file: 'snponly.efi', blksize: 1368 }, from)
    await narrow(1500)
  })

  test('an MTU that shrinks later: windows that the kernel no longer cuts go out block by block', {
    ...options,
    skip: missing('atftp'),
  }, async () => {
    net.run('ip', 'link', 'set', 'prov0', 'mtu', '1400')
    const { stderr } = run(windowed(1468))
    net.run('ip', 'link', 'set', 'prov0', 'mtu', '1500')
    assert.ok(got().equals(site.files['snponly.efi']), stderr)
  })

  test('an image by its immutable name, and not one that is larger than limits.tftp.fileSize', {
    ...options,
    skip: missing('curl'),
  }, async () => {
    const initrd = site.files['initrd.img']
    const image = /^images:\n {2}([a-z0-9-]+):/m.exec(readFileSync(site.config, 'utf8'))?.[1] ?? ''
    const get = CLIENTS['curl']?.get(`images/${image}/${sha256(initrd)}/initrd.img`) ?? []
    const { stderr } = run(get)
    assert.ok(got().equals(initrd), `${got().length} octets ${stderr}`)
    site.rewrite((text) => text.replace(/^server:\n/m, 'server:\n  limits: { tftp: { fileSize: 1MiB } }\n'))
    server.signal('SIGHUP')
    await server.event('config.reloaded', {})
    const from = server.stderr.length
    run(get)
    assert.equal(got().length, 0)
    await server.event('tftp.refused', { reason: /larger than limits\.tftp\.fileSize, 1048576 octets/ }, from)
  })

  test('writing is refused', { ...options, skip: missing('busybox') }, async () => {
    const from = server.stderr.length
    const put = [
      'timeout',
      '10',
      'busybox',
      'tftp',
      '-p',
      '-l',
      site.config,
      '-r',
      'undionly.kpxe',
      '10.77.0.1',
    ]
    assert.equal(run(put).code, 1)
    await server.event('tftp.refused', { file: 'undionly.kpxe', reason: /Read-only/ }, from)
    assert.ok(readFileSync('/run/site/firmware/undionly.kpxe').equals(site.files['undionly.kpxe']))
  })

  test('no fault in the log', options, async () => {
    assert.doesNotMatch(server.stderr, /"level":"(error|warn)"/)
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
  })
})
