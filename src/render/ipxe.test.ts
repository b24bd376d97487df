import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { assertGolden } from '../../test/helpers/golden.ts'
import { NASTY, SCRIPTS, script } from '../../test/helpers/scripts.ts'
import { NODE01, NODE02, world } from '../../test/helpers/world.ts'
import type { BootScript, MenuScript } from '../model/script.ts'
import { type LexedCommand, lexIpxe } from '../protocol/ipxe/lex.ts'
import { shownText } from '../protocol/ipxe/words.ts'
import { renderIpxe } from './ipxe.ts'

describe('whole scripts', () => {
  for (const [name, script] of Object.entries(SCRIPTS))
    test(name, () => assertGolden(`scripts/${name}.ipxe`, renderIpxe(script)))
})

test('what a machine says of itself is shown and never acted upon', () => {
  fc.assert(
    fc.property(NASTY, fc.array(NASTY, { maxLength: 4 }), (said, others) => {
      const { info } = SCRIPTS
      assert.ok(info.kind === 'page')
      const text = renderIpxe({ ...info, lines: [`Serial: ${said}`, ...others] })
      const plain = lexIpxe(renderIpxe({ ...info, lines: ['Serial: x'] }))
      const { commands, labels } = lexIpxe(text)
      const isGap = ({ words }: LexedCommand): boolean => words[1] === '--gap'
      assert.deepEqual(
        commands.filter((command) => !isGap(command)).map(({ words }) => words),
        plain.commands.filter((command) => !isGap(command)).map(({ words }) => words),
      )
      assert.deepEqual(labels, plain.labels)
      const expansions = commands.filter(isGap).filter(({ words }) => words.join(' ').includes('${'))
      assert.deepEqual(
        expansions.map(({ words }) => words.slice(3)),
        [
          ['What', 'failed:', '${step}', '${url}'],
          ['iPXE', 'error', '${fault}:', 'https://ipxe.org/${fault}'],
          ['${trouble}'],
        ],
      )
    }),
    RUNS,
  )
})

test('a confirmation that nobody answers ends on the local disk: the time-out of the menu may have led there', () => {
  const { commands } = lexIpxe(renderIpxe(SCRIPTS['confirm-all-in-one']))
  const choose = commands.find(({ words }) => words[0] === 'choose')
  assert.equal(choose?.words[choose.words.indexOf('--default') + 1], 'local')
})

test('E12, E20, E21: what every script keeps to', () => {
  for (const [name, script] of Object.entries(SCRIPTS)) {
    const text = renderIpxe(script)
    assert.ok(text.startsWith('#!ipxe\n') && text.endsWith('\n') && !text.includes('\r'), name)
    assert.ok(text.length < 65_536 && text.split('\n').every((line) => line.length < 4096), name)
    const { labels, commands } = lexIpxe(text)
    const targets = commands.filter(({ words }) => words[0] === 'goto').map(({ words }) => words[1] ?? '')
    assert.equal(new Set(labels).size, labels.length, `${name}: a label twice, of which goto finds the first`)
    for (const target of targets)
      assert.ok(target.startsWith('${') || labels.includes(target), `${name}: goto ${target}`)
    const network = commands.flatMap((command, i) =>
      ['chain', 'kernel', 'initrd', 'boot'].includes(command.words[0] ?? '') ? [commands[i + 1]?.after] : [],
    )
    assert.deepEqual(
      network.filter((after) => after !== '||'),
      [],
      `${name}: every one has its ||`,
    )
  }
  const kernel = lexIpxe(renderIpxe(SCRIPTS.boot)).commands.find(({ words }) => words[0] === 'kernel')
  assert.ok(kernel?.words.includes('initrd=initrd.img'))
})

test('E19: a machine that waits asks again by itself, and is left to its disk by a person alone', () => {
  const { commands } = lexIpxe(renderIpxe(SCRIPTS.queue))
  const choose = commands.find(({ words }) => words[0] === 'choose')?.words ?? []
  assert.deepEqual(choose, ['choose', '--timeout', '1000', '--default', 'again', 'choice'])
  assert.ok(commands.filter(({ words }) => words[0] === 'chain').length >= 3)
})

test('a shim is asked for after the kernel and before the boot, and nothing depends on it', () => {
  const boot = script(world().labNodes().firmware('shimx64.efi'), { kind: 'run' }, NODE02, 'uefi-x64')
  const text = renderIpxe(boot)
  assert.match(
    text,
    /\nkernel .*\ninitrd .*\nshim --timeout 30000 http:\/\/10\.77\.0\.1:8080\/firmware\/shimx64\.efi \|\|\nset step boot\n/s,
  )
  for (const arch of ['bios-x86', 'uefi-arm64'] as const)
    assert.doesNotMatch(
      renderIpxe(script(world().labNodes().firmware('shimx64.efi'), { kind: 'run' }, NODE02, arch)),
      /^shim /m,
    )
})

test("iPXE's own shim is not taken for that of the kernel", () => {
  const scene = world().labNodes().firmware('shimx64.efi', 'snponly-shim.efi')
  const boot = script(scene, { kind: 'run' }, NODE02, 'uefi-x64')
  assert.equal(boot.kind === 'boot' ? boot.shim : boot.kind, undefined)
})

test('a kernel that comes last comes after the shim too', () => {
  const boot = script(world().labNodes().firmware('shimx64.efi'), { kind: 'run' }, NODE02, 'uefi-x64')
  assert.ok(boot.kind === 'boot')
  const { commands } = lexIpxe(renderIpxe({ ...boot, kernelLast: true }))
  const loaded = commands.flatMap(({ words }) => words[0] ?? [])
  const files = loaded.filter((name) => ['kernel', 'initrd', 'shim', 'boot'].includes(name))
  assert.deepEqual([files[0], ...files.slice(-2)], ['shim', 'kernel', 'boot'])
  assert.equal(files.filter((name) => name === 'shim').length, 1)
})

test('E22: autoexec.ipxe opens the card that loaded it, and asks for an address only where none is known', () => {
  const { commands } = lexIpxe(renderIpxe(SCRIPTS.autoexec))
  const text = renderIpxe(SCRIPTS.autoexec)
  assert.match(text, /^iseq \$\{net0\/mac\} 52:54:00:77:00:01 && set card net0 \|\|$/m)
  assert.match(text, /^isset \$\{card\} && ifopen \$\{card\} \|\|$/m)
  assert.match(text, /^isset \$\{netX\/ip\} \|\| dhcp \|\|$/m)
  // iPXE falls to its shell when an autoexec.ipxe fails: after these, the script is /boot.ipxe's, which has a way on.
  const plain = lexIpxe(renderIpxe(SCRIPTS.identify)).commands.map(({ words }) => words)
  assert.deepEqual(
    commands.slice(-plain.length).map(({ words }) => words),
    plain,
  )
})

/** What a boot script must say, worked out without the emitter: first words and the words the strings are in. */
function intended(script: BootScript): readonly string[] {
  const words = (text: string): string[] => text.split(' ')
  return [
    ['echo', ...words(shownText(`Centra PXE: ${script.title}`))],
    ...(script.warning === undefined ? [] : [['echo', ...words(shownText(`WARNING: ${script.warning}`))]]),
    ['imgfree'],
    ['set', 'step', 'kernel'],
    ['set', 'url', script.kernel.url],
    [
      ...['kernel', '--timeout', '30000', '--name', script.kernel.name, '${url}', 'initrd=i'],
      ...script.cmdline.flatMap(words),
    ],
    ['goto', 'failed'],
    ['set', 'step', 'initrd'],
    ['set', 'url', script.initrds[0]?.url ?? ''],
    ['initrd', '--timeout', '30000', '--name', 'i', '${url}'],
  ].map((command) => JSON.stringify(command))
}

function said(text: string): readonly string[] {
  return lexIpxe(text)
    .commands.filter(({ words }) => words.length > 0)
    .map(({ words }) => JSON.stringify(words))
}

const bootScript: fc.Arbitrary<BootScript> = fc.record({
  kind: fc.constant('boot'),
  server: fc.constant('http://10.77.0.1:8080'),
  title: NASTY,
  warning: NASTY,
  kernel: fc.record({ name: NASTY, url: NASTY.map((text) => `http://10.77.0.1:8080/images/${text}`) }),
  initrds: NASTY.map((text) => [{ name: 'i', url: `http://10.77.0.1:8080/images/${text}` }]),
  cmdline: fc.array(NASTY, { maxLength: 4 }),
  client: fc.constant(NODE01),
})

const RUNS = { seed: 20261123, numRuns: runs(20_000, 1_000_000) }

/** `emit` must refuse, or say exactly what was meant. Counts what it accepted. */
function readsBack(emit: (script: BootScript) => string | undefined): {
  readonly accepted: number
  readonly broken: number
} {
  let [accepted, broken] = [0, 0]
  fc.assert(
    fc.property(bootScript, (script) => {
      const text = emit(script)
      if (text === undefined) return
      accepted += 1
      const meant = intended(script)
      if (said(text).slice(0, meant.length).join('\n') !== meant.join('\n')) broken += 1
    }),
    RUNS,
  )
  return { accepted, broken }
}

test('E15, E16: whatever texts are offered, an address or argument is refused or read back exactly as meant, and other texts are shown', () => {
  const { accepted, broken } = readsBack((script) => {
    try {
      return renderIpxe(script)
    } catch (error) {
      assert.match(error instanceof Error ? error.message : '', /^not an iPXE word: /)
      return undefined
    }
  })
  assert.equal(broken, 0)
  assert.ok(accepted > 1000, `${accepted} accepted: the property saw scripts`)
})

test('negative control: a string template breaks under the same property', () => {
  const { broken } = readsBack(
    ({ title, warning, kernel, initrds, cmdline }) =>
      `#!ipxe\necho Centra PXE: ${title}\necho WARNING: ${warning}\nimgfree ||\nset step kernel\nset url ${kernel.url}\nkernel --timeout 30000 --name ${kernel.name} \${url} initrd=i ${cmdline.join(' ')} || goto failed\nset step initrd\nset url ${initrds[0]?.url}\ninitrd --timeout 60000 --name i \${url} ||\n`,
  )
  assert.ok(broken > 1000, `${broken} broken`)
})

test('menus: keys are refused and titles shown, as one item each', () => {
  let accepted = 0
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: NASTY, title: NASTY }), { maxLength: 4 }),
      NASTY,
      (profiles, title) => {
        const script: MenuScript = {
          kind: 'menu',
          server: 'http://10.77.0.1:8080',
          client: NODE01,
          title,
          profiles,
          rescue: { key: 'rescue', title: 'Rescue' },
          default: 'local',
          timeoutSeconds: 30,
        }
        let text: string
        try {
          text = renderIpxe(script)
        } catch {
          return
        }
        accepted += 1
        const { commands } = lexIpxe(text)
        const isItem = ({ words }: LexedCommand): boolean => words[0] === 'item' && words[1] !== '--gap'
        const items = commands.filter(isItem).map(({ words }) => words)
        const meant = profiles.map(({ key, title: shown }, i) => {
          const digit = String(i + 1)
          return ['item', '--key', digit, key, ...shownText(`${digit}. ${shown}`).split(' ')]
        })
        assert.deepEqual(items.slice(0, profiles.length), meant)
        const own = [
          'local',
          'rescue',
          'info',
          'shell',
          'network',
          'reboot',
          'poweroff',
          'retry',
          'shell',
          'local_disk',
        ]
        assert.deepEqual(
          items.slice(profiles.length).map((words) => words[3]),
          own,
        )
        assert.deepEqual(
          commands[0]?.words,
          ['menu', ...shownText(title).split(' ')].filter((one) => one !== ''),
        )
        assert.deepEqual(lexIpxe(text).labels, lexIpxe(renderIpxe(SCRIPTS.menu)).labels)
      },
    ),
    RUNS,
  )
  assert.ok(accepted > 500, `${accepted} accepted`)
})
