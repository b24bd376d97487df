import fc from 'fast-check'
import { decide } from '../../src/boot/decide.ts'
import type { Question } from '../../src/boot/decision.ts'
import type { Mac } from '../../src/lib/mac.ts'
import type { MenuItem } from '../../src/model/config.ts'
import { imageFiles, type Payload } from '../../src/model/image.ts'
import type { Script } from '../../src/model/script.ts'
import type { ImageFile } from '../../src/model/world.ts'
import type { ClientArch } from '../../src/protocol/iana/arch.ts'
import { image, NODE01, NODE02, STRANGER, type WorldBuilder, world } from './world.ts'

const ENTRIES: readonly MenuItem[] = [
  { kind: 'profile', name: 'control-plane', key: 'c' },
  {
    ...{ kind: 'submenu', name: 'more', title: 'More of them', key: 'm' },
    items: [{ kind: 'profile', name: 'worker', password: 'scrypt:a hash' }],
  },
  { kind: 'profile', name: 'all-in-one', key: 'x', hidden: true },
]

/** One script of each kind, as the policy makes them in the world of the contract's lab.yaml. */
export const SCRIPTS = {
  identify: script(world(), { kind: 'identify' }),
  program: script(withProgram(['console=ttyS0']), { kind: 'run' }, NODE01),
  'program-without-arguments': script(withProgram([]), { kind: 'run' }, NODE01),
  sanboot: script(
    withPayload({
      kind: 'san',
      target: 'iscsi:10.77.0.9::3260:1:iqn.2026-01.example:disk',
      initiator: 'iqn.2026-01.example:{{node.name}}',
    }),
    { kind: 'run' },
    NODE01,
  ),
  chain: script(
    withPayload({ kind: 'chain', url: 'http://10.77.0.9/x.ipxe?mac={{node.mac}}' }),
    { kind: 'run' },
    NODE01,
  ),
  'menu-of-entries': script(world().menuItems(...ENTRIES), { kind: 'run' }, STRANGER),
  'menu-below': script(world().menuItems(...ENTRIES), { kind: 'run', choice: 'more' }, STRANGER),
  password: script(world().menuItems(...ENTRIES), { kind: 'run', choice: 'worker' }, STRANGER),
  refusal: script(withProgram([], 'uefi-arm64'), { kind: 'run' }, NODE01, 'uefi-x64'),
  autoexec: script(world(), { kind: 'identify', opens: true }, NODE01),
  boot: script(world().labNodes(), { kind: 'run' }, NODE02),
  'boot-all-in-one': script(world(), { kind: 'run', choice: 'all-in-one', confirmed: true }, STRANGER),
  'confirm-all-in-one': script(world(), { kind: 'run', choice: 'all-in-one' }, STRANGER),
  info: script(world(), { kind: 'run', choice: 'info' }, STRANGER),
  'no-rescue-image': script(world().images(), { kind: 'run', choice: 'rescue' }, STRANGER),
  menu: script(world(), { kind: 'run' }, STRANGER),
  'local-disk': script(world().unknown('local'), { kind: 'run' }, STRANGER),
  recovery: script(
    world().labNodes(),
    {
      kind: 'run',
      failed: { step: 'kernel', errno: '2d0c613b', url: 'http://10.77.0.1:8080/images/debian-live/vmlinuz' },
    },
    NODE01,
  ),
  queue: script(
    world().labNodes().queue({ loads: false, loading: 32, octets: 0, ahead: 6, place: 7, waiting: 23 }),
    { kind: 'run' },
    NODE02,
  ),
  'queue-of-a-choice': script(
    world().queue({ loads: false, loading: 32, octets: 0, ahead: 299, place: 300, waiting: 368 }),
    { kind: 'run', choice: 'all-in-one', confirmed: true },
    STRANGER,
  ),
  'queue-again': script(
    world()
      .labNodes()
      .network({ boots: 1 })
      .queue({ loads: false, loading: 1, octets: 0, ahead: 0, place: 1, waiting: 1 }),
    { kind: 'run', queued: true },
    NODE02,
  ),
  'recovery-to-rescue': script(
    world().labNodes().profile('control-plane', { onFailure: 'rescue' }),
    { kind: 'run', failed: { step: 'kernel', errno: '2d0c613b' } },
    NODE01,
  ),
  'recovery-of-a-choice': script(
    world(),
    { kind: 'run', choice: 'worker', failed: { step: 'boot', errno: '2e008001' } },
    STRANGER,
  ),
} as const

function withPayload(payload: Payload<ImageFile>): WorldBuilder {
  return world()
    .labNodes()
    .image({ ...image('other'), variants: [{ payload, cmdline: [] }] })
    .profile('control-plane', { image: 'other' })
}

/** node01 runs a program for UEFI; with an architecture, on that alone. */
function withProgram(cmdline: readonly string[], arch?: ClientArch): WorldBuilder {
  const [program] = imageFiles(image('tool'))
  if (program === undefined) throw new Error('an image has a file')
  const payload = { kind: 'efi', program: { ...program, name: 'tool.efi' } } as const
  const variant = { payload, cmdline: [], ...(arch === undefined ? {} : { arch }) }
  return world()
    .labNodes()
    .image({ ...image('tool'), variants: [variant], cmdline })
    .profile('control-plane', { image: 'tool' })
}

export function script(there: WorldBuilder, question: Question, client?: Mac, arch?: ClientArch): Script {
  const asked = there.asks('http', question, client)
  const request = arch === undefined ? asked : { ...asked, client: { ...asked.client, arch } }
  const { action } = decide(request, there.build())
  if (action.kind !== 'script') throw new Error(`no script but ${action.kind}`)
  return action.script
}

/** Texts as an attacker or a careless operator would write them, between harmless ones. */
export const NASTY: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.stringMatching(/^[a-z][a-z0-9.=-]{0,8}$/) },
  { weight: 2, arbitrary: fc.stringMatching(/^[a-z]{1,4}( [a-z]{1,4}){0,2}$/) },
  {
    weight: 1,
    arbitrary: fc
      .array(
        fc.constantFrom(
          'a',
          ' ',
          '\n',
          '\r',
          '\r\n',
          '\0',
          '\t',
          '${x}',
          '${',
          '}',
          '$',
          '||',
          ' || ',
          '&&',
          ';',
          ' ; ',
          '#',
          ' #',
          '\\',
          '\\\n',
          "'",
          '"',
          '`',
          ':',
          '-',
          '{',
          'reboot',
          'é',
        ),
        { maxLength: 6 },
      )
      .map((parts) => parts.join('')),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 8, unit: 'binary' }) },
)
