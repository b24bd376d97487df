import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KNOWN, NOBODY, type Row, testRows } from '../../test/helpers/decision-rows.ts'
import { NODE01, NODE02, STRANGER, world } from '../../test/helpers/world.ts'
import { decide } from './decide.ts'

const NONCE = 'boot.nonce state: of its boot attempt, to its own lease alone'

const WHAT_TO_RUN: readonly Row[] = [
  {
    name: 'a known MAC gets its profile with no question asked',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run' }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a choice does not change what a node runs',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'all-in-one' }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'E18: a stranger gets the menu, whose default is the local disk',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default local',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'what a stranger chose in the menu runs',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'worker' }, STRANGER),
    action: `script boot: ${STRANGER}: worker (debian-live), boots debian-live as worker`,
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: worker',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'E18: an unknown machine gets the local disk where unknown: says so, whatever it says it chose',
    in: world().unknown('local'),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'worker' }, STRANGER),
    action: 'script local-disk: unknown: local',
    steps: [NOBODY, 'unknown.policy config: unknown: local'],
  },
  {
    name: 'a profile with a warning asks first',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'all-in-one' }, STRANGER),
    action: 'script confirm: all-in-one: all-in-one is not for production: no high availability',
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: all-in-one',
      'image.select config: debian-live',
    ],
  },
  {
    name: 'the local disk, chosen or by time-out, is an answer like any other',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'local' }, STRANGER),
    action: 'script local-disk: the menu said so',
    steps: [NOBODY, 'unknown.policy config: unknown: menu', 'menu.choice packet: local'],
  },
  {
    name: 'rescue without an image says so and goes back',
    in: world().images(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'rescue' }, STRANGER),
    action:
      'script page: rescue; Nothing to boot: profile rescue has no image that is on disk; On the server: set profiles.rescue.image',
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: rescue',
      'image.select config: profile rescue has no image that is on disk',
    ],
  },
  {
    name: 'a choice that is no profile is told so and goes back',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'windows' }, STRANGER),
    action:
      'script page: windows; Nothing to boot: there is no profile windows; On the server: set profiles.windows.image',
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: windows',
      'image.select config: there is no profile windows',
    ],
  },
  {
    name: 'a profile without an image is not in the menu, and its default gives way to the local disk',
    in: world().profile('worker', { image: 'elsewhere' }).menuDefault('worker'),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane all-in-one, default local',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'the default of the menu can be a profile',
    in: world().menuDefault('worker'),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default worker',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'a node without a profile gets what unknown: says',
    in: world().node('node03', STRANGER),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default local',
    steps: [
      'node.match inventory: node03 by mac',
      'profile.select inventory: node03 names none',
      'unknown.policy config: unknown: menu',
    ],
  },
  {
    name: 'a node whose image went away boots its local disk, and says why',
    in: world().labNodes().images(),
    ask: (w) => w.asks('http', { kind: 'run' }, NODE02),
    action: 'script local-disk: profile worker has no image that is on disk',
    steps: [
      'node.match inventory: node02 by mac',
      'profile.select inventory: worker',
      'image.select config: profile worker has no image that is on disk',
    ],
  },
  {
    name: 'rescue can be what the menu does when nobody chooses, once it has an image',
    in: world().menuDefault('rescue'),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default rescue',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'onFailure: rescue, of a profile that was not loaded',
    in: world().labNodes().profile('control-plane', { onFailure: 'rescue' }),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'rescue', confirmed: true }, NODE01),
    action: 'script boot: node01: rescue (debian-live), boots debian-live as rescue',
    steps: [
      KNOWN,
      'boot.on-failure config: rescue, as the profile control-plane says',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'without onFailure, a described machine boots its profile whatever it says was chosen',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'rescue', confirmed: true }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a failure told late, of a choice: the choice again',
    in: world(),
    ask: (w) =>
      w.asks('http', { kind: 'run', failed: { step: 'menu' }, choice: 'worker', again: true }, STRANGER),
    action: `script boot: ${STRANGER}: worker (debian-live), boots debian-live as worker`,
    steps: [
      NOBODY,
      'boot.failed packet: step menu failed',
      'unknown.policy config: unknown: menu',
      'menu.choice packet: worker',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a failure told late gets what the machine runs now',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', failed: { step: 'menu' }, again: true }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'boot.failed packet: step menu failed',
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a failed step gets the recovery menu',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', failed: { step: 'kernel', errno: '2d0c613b' } }, NODE01),
    action:
      'script recovery: kernel: Not found (HTTP 404). iPXE error 2d0c613b: https://ipxe.org/2d0c613b; The server does not have that file. Check its name and the profile that names it: it was removed, replaced by a newer version, or never there.',
    steps: [KNOWN, 'boot.failed packet: step kernel failed: Not found (HTTP 404), https://ipxe.org/2d0c613b'],
  },
  {
    name: 'iPXE that has not said who it is, is asked',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'identify' }),
    action: 'script identify: http://10.77.0.1:8080',
    steps: [],
  },
  {
    name: 'E22: autoexec.ipxe is the same, and tells the card',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'identify', opens: true }, STRANGER),
    action: 'script identify: http://10.77.0.1:8080 by 52:54:00:aa:bb:cc',
    steps: [NOBODY],
  },
]

testRows('what to run', WHAT_TO_RUN)

test('the kernel command line is consoles, image, then profile, then node, then ours', () => {
  const there = world().labNodes()
  const { action } = decide(there.asks('http', { kind: 'run' }, NODE02), there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(action.script.cmdline, [
    'console=tty0',
    'console=ttyS0,115200',
    'quiet',
    'centra.profile=worker',
    'console=ttyS1,115200',
    'BOOTIF=01-52-54-00-77-00-02',
    'centra.report=http://10.77.0.1:8080/v1/report/52-54-00-77-00-02',
  ])
})

test("an operator's argument of the same name wins over ours", () => {
  const there = world().node('node09', STRANGER, { profile: 'worker', cmdline: ['BOOTIF=eth7'] })
  const { action } = decide(there.asks('http', { kind: 'run' }, STRANGER), there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(
    action.script.cmdline.filter((argument) => argument.startsWith('BOOTIF')),
    ['BOOTIF=eth7'],
  )
})

test('a console that the operator names is named once, where the operator put it', () => {
  const there = world().node('node09', STRANGER, { profile: 'worker', cmdline: ['console=ttyS0,9600'] })
  const { action } = decide(there.asks('http', { kind: 'run' }, STRANGER), there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(
    action.script.cmdline.filter((argument) => argument.startsWith('console')),
    ['console=tty0', 'console=ttyS0,9600'],
  )
})

test('a machine that is no PC gets no console of a PC', () => {
  const there = world().labNodes()
  const ask = there.asks('http', { kind: 'run' }, NODE01)
  const { action } = decide({ ...ask, client: { ...ask.client, arch: 'uefi-arm64' } }, there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(
    action.script.cmdline.filter((argument) => argument.startsWith('console')),
    [],
  )
})
