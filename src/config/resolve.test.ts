import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FILE, NET, problems } from '../../test/helpers/config-problems.ts'
import { ip, mac } from '../../test/helpers/world.ts'
import { DEFAULT_HTTP_LIMITS } from '../model/http-limits.ts'
import { linuxVariants } from '../model/image.ts'
import { DEFAULT_TFTP_LIMITS } from '../model/tftp-limits.ts'
import { BUILTIN_PROFILES } from './builtin-profiles.ts'
import { includedGlobs, resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

const LAB = readFileSync(join(import.meta.dirname, '../../test/fixtures/config/lab.yaml'), 'utf8')

describe("the contract's lab.yaml", () => {
  const { config, problems: found } = resolveConfig({ file: '/c/lab.yaml', text: LAB }, [])
  assert.ok(config)

  test('has nothing wrong or doubtful', () => assert.deepEqual(found, []))

  test('server, menu, unknown', () => {
    assert.deepEqual(config.server, {
      stateDir: '/c/state',
      imageStore: '/c/state/images',
      listing: false,
      limits: { http: DEFAULT_HTTP_LIMITS, tftp: DEFAULT_TFTP_LIMITS },
      httpPort: 8080,
      operator: { host: '127.0.0.1', port: 8081 },
      firmware: ['/c/state/firmware', '/usr/lib/ipxe', '/usr/share/ipxe'],
    })
    assert.deepEqual(config.menu, { title: 'Centra boot', timeoutSeconds: 30, default: 'local' })
    assert.equal(config.unknown, 'menu')
  })

  test('the network', () => {
    assert.deepEqual(config.networks, [
      {
        name: 'provisioning',
        interface: 'prov0',
        subnet: { network: ip('10.77.0.0'), prefix: 24 },
        address: ip('10.77.0.1'),
        dhcp: 'server',
        clients: 'all',
        pools: [{ first: ip('10.77.0.100'), last: ip('10.77.0.199') }],
        pingCheckMs: 100,
        leaseSeconds: 3600,
        identity: 'mac',
        authoritative: true,
        bootp: false,
        besides: [],
        probe: true,
        quietRouter: false,
        relays: [],
        foreignIpxe: 'script',
        https: [],
        boots: 'auto',
        options: { router: ip('10.77.0.1'), dns: [ip('10.77.0.1')] },
        origin: { file: '/c/lab.yaml', line: 10, column: 5 },
      },
    ])
  })

  test('image, profiles and nodes', () => {
    assert.deepEqual(config.images.get('debian-live'), {
      name: 'debian-live',
      variants: linuxVariants('/c/images/vmlinuz', ['/c/images/initrd.img']),
      cmdline: ['quiet'],
      origin: { file: '/c/lab.yaml', line: 21, column: 3 },
    })
    assert.deepEqual(
      [...config.profiles.values()].map(({ name, image, cmdline }) => [name, image, ...cmdline].join(' ')),
      [
        'control-plane debian-live centra.profile=control-plane',
        'worker debian-live centra.profile=worker',
        'all-in-one debian-live centra.profile=all-in-one',
        'rescue rescue centra.profile=rescue',
      ],
    )
    const [node01, node02] = config.nodes
    assert.deepEqual(node01, {
      name: 'node01',
      macs: [mac('52:54:00:77:00:01')],
      address: ip('10.77.0.11'),
      profile: 'control-plane',
      cmdline: [],
      options: {},
      origin: { file: '/c/lab.yaml', line: 38, column: 5 },
    })
    assert.deepEqual(node02?.macs, [mac('52:54:00:77:00:02'), mac('52:54:00:77:10:02')])
    assert.deepEqual(node02?.cmdline, ['console=ttyS1,115200'])
  })
})

test('pingCheck: 100 ms unless told, another time, or none', () => {
  const times = ['', ', pingCheck: true', ', pingCheck: 50ms', ', pingCheck: false'].map((key) => {
    const text = `version: 1\nnetworks:\n  - { name: a, interface: eth0, subnet: 10.0.0.0/24${key} }\n`
    return resolveConfig({ file: FILE, text }, []).config?.networks[0]?.pingCheckMs
  })
  assert.deepEqual(times, [100, 100, 50, undefined])
})

test('boots: auto unless told, a number, or any number', () => {
  const numbers = ['', ', boots: 8', ', boots: false'].map((key) => {
    const text = `version: 1\nnetworks: [{ name: a, interface: eth0, subnet: 10.0.0.0/24${key} }]\n`
    return resolveConfig({ file: FILE, text }, []).config?.networks[0]?.boots
  })
  assert.deepEqual(numbers, ['auto', 8, undefined])
})

test('the smallest configuration: everything has its default, and nothing answers DHCP', () => {
  const text = 'version: 1\nnetworks:\n  - { name: a, interface: eth0, subnet: 10.0.0.0/24 }\n'
  const { config } = resolveConfig({ file: FILE, text }, [])
  assert.ok(config)
  assert.equal(config.networks[0]?.dhcp, 'observe')
  assert.equal(config.networks[0]?.clients, 'all')
  assert.equal(config.networks[0]?.leaseSeconds, 3600)
  assert.equal(config.unknown, 'menu')
  assert.deepEqual(config.menu, { title: 'Centra PXE', timeoutSeconds: 30, default: 'local' })
  assert.equal(config.server.stateDir, '/var/lib/centra-pxe')
  assert.deepEqual([...config.profiles.keys()], ['control-plane', 'worker', 'all-in-one', 'rescue'])
  assert.deepEqual(config.consoles, ['tty0', 'ttyS0,115200'])
  assert.deepEqual(
    problems(text),
    ['control-plane', 'worker', 'all-in-one'].map(
      (name) =>
        `/c/x.yaml:1:1: profiles.${name}: warning: the profile ${name} has no image and stays out of the menu: set profiles.${name}.image`,
    ),
  )
})

test('the built-in profiles are what a Centra Cloud node needs', () => {
  const roles = BUILTIN_PROFILES.filter(({ name }) => name !== 'rescue')
  const table = roles.map(({ name, services, requires, warning }) => ({
    name,
    services: services.join(', '),
    requires: `${requires.cores} cores, ${requires.memoryGB} GB, ${requires.diskGB} GB`,
    warning: warning ?? '',
  }))
  const core = 'FlareDB, IAM, PlasmaVMC, K8sHost, FlashDNS, ChainFire, Object Storage, Monitoring'
  assert.deepEqual(table, [
    { name: 'control-plane', services: core, requires: '8 cores, 32 GB, 500 GB', warning: '' },
    {
      name: 'worker',
      services: 'K8sHost, PlasmaVMC, ChainFire, FlashDNS, Monitoring agents',
      requires: '16 cores, 64 GB, 1000 GB',
      warning: '',
    },
    {
      name: 'all-in-one',
      services: core,
      requires: '16 cores, 64 GB, 1000 GB',
      warning: 'all-in-one is not for production: no high availability',
    },
  ])
})

test('a written profile replaces the parts it names; a later file wins', () => {
  const text = `version: 1
images: { i: { kernel: k } }
profiles:
  worker: { image: i, requires: { cores: 4 }, services: [A] }
  mine: { image: i }
`
  const more = { file: '/c/more.yaml', text: 'profiles: { worker: { title: Two, cmdline: a=b } }\n' }
  const { config } = resolveConfig({ file: FILE, text }, [more])
  const worker = config?.profiles.get('worker')
  assert.deepEqual(
    { ...worker, origin: undefined },
    {
      name: 'worker',
      title: 'Two',
      description: 'Runs containers and virtual machines',
      services: ['A'],
      requires: { cores: 4, memoryGB: 64, diskGB: 1000 },
      image: 'i',
      cmdline: ['a=b'],
      origin: undefined,
    },
  )
  assert.equal(worker?.origin?.file, '/c/more.yaml')
  assert.deepEqual(config?.profiles.get('mine')?.title, 'mine')
})

test('paths count from the file that has them', () => {
  const more = { file: '/c/d/more.yaml', text: 'images: {i: {kernel: ./k, initrd: ../r}}\n' }
  const { config } = resolveConfig({ file: FILE, text: NET }, [more])
  assert.deepEqual(config?.images.get('i')?.variants, linuxVariants('/c/d/k', ['/c/r']))
  const globs = includedGlobs({ file: FILE, text: 'include: [nodes/*.yaml, /etc/x.yaml]\n' })
  assert.deepEqual(
    globs.map(({ target }) => target),
    ['/c/nodes/*.yaml', '/etc/x.yaml'],
  )
  assert.deepEqual(includedGlobs({ file: FILE, text: 'include: {a: b}\n' }), [])
})

test('whatever the text, there is an answer and no exception', () => {
  const key = fc.constantFrom(
    'version',
    'networks',
    'nodes',
    'images',
    'profiles',
    'menu',
    'server',
    'include',
    'name',
    'mac',
    'subnet',
    'kernel',
    '__proto__',
    'constructor',
    'toString',
  )
  const yamlish = fc
    .array(
      fc.oneof(
        key.map((name) => `${name}:`),
        fc.constantFrom(
          '\n',
          '\n  ',
          '- ',
          '{',
          '}',
          '[',
          ']',
          '&a ',
          '*a',
          '<<: ',
          '? ',
          '!!x ',
          '|',
          '"',
          "'",
          '#',
          '1',
          ' 10.0.0.0/24',
          '52:54:00:00:00:01',
        ),
        fc.string({ maxLength: 6 }),
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join(''))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>(null, 1, 'x', true, '10.0.0.1', 'worker'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }))
  const json = tree.map((value) =>
    JSON.stringify({ version: 1, ...(typeof value === 'object' ? value : {}) }),
  )
  fc.assert(
    fc.property(fc.oneof(yamlish, json, fc.string()), (text) => {
      const included = [{ file: '/c/y.yaml', text }]
      includedGlobs({ file: FILE, text })
      for (const result of [
        resolveConfig({ file: FILE, text }, included),
        resolveConfig({ file: FILE, text: NET }, included),
      ]) {
        const failed = result.problems.some(({ severity }) => severity === 'error')
        assert.equal(result.config === undefined, failed, 'a configuration, or an error')
        for (const problem of result.problems)
          assert.match(formatProblem(problem), /^\/c\/[xy]\.yaml:\d+:\d+: \S/)
        for (const { target } of [...result.imageFiles, ...result.firmwareDirs]) assert.match(target, /^\//)
      }
    }),
    { seed: 20261123, numRuns: 3000 },
  )
})

test('an empty section is no section', () => {
  const { config, problems } = resolveConfig(
    { file: '/c/x.yaml', text: 'version: 1\nnodes:\nserver:\nmenu:\n' },
    [],
  )
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  )
  assert.deepEqual(config?.nodes, [])
})
