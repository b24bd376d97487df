import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { assertGolden } from '../../test/helpers/golden.ts'
import { NASTY, SCRIPTS } from '../../test/helpers/scripts.ts'
import { readOwnName } from '../boot/own-name.ts'
import type { BootScript } from '../model/script.ts'
import { renderGrub } from './grub.ts'

describe('whole scripts', () => {
  for (const [name, script] of Object.entries(SCRIPTS))
    test(name, () => assertGolden(`scripts/${name}.grub`, renderGrub(script)))
  for (const name of [
    'boot',
    'menu',
    'confirm-all-in-one',
    'recovery-of-a-choice',
    'queue-of-a-choice',
  ] as const)
    test(`${name}, over TFTP`, () =>
      assertGolden(`scripts/${name}.tftp.grub`, renderGrub(SCRIPTS[name], 'tftp')))
})

test('what a script over TFTP asks for are names that the server reads back', () => {
  const asked = Object.values(SCRIPTS).flatMap((script) =>
    [...renderGrub(script, 'tftp').matchAll(/(?:configfile|source) '\(tftp,10\.77\.0\.1\)\/([^']+)'/g)].map(
      ([, name = '']) => name,
    ),
  )
  assert.ok(asked.length > 12, asked.join(' '))
  for (const name of asked) assert.equal(readOwnName(name)?.form, 'grub', name)
})

test('a confirmation that nobody answers ends on the local disk: the time-out of the menu may have led there', () => {
  const commands = lexGrub(renderGrub(SCRIPTS['confirm-all-in-one']))
  assert.deepEqual(
    commands.find(([command, setting]) => command === 'set' && setting?.startsWith('default=')),
    ['set', 'default=local'],
  )
})

test('a kernel without initrds has no initrd line', () => {
  const boot = SCRIPTS.boot
  assert.ok(boot.kind === 'boot')
  assert.deepEqual(
    lexGrub(renderGrub({ ...boot, initrds: [] })).map(([command]) => command),
    ['echo', 'echo', 'linux', 'boot', 'configfile'],
  )
})

test("a quoted kernel argument is one word, which GRUB's linux quotes again", () => {
  const boot = SCRIPTS.boot
  assert.ok(boot.kind === 'boot')
  const linux = lexGrub(renderGrub({ ...boot, cmdline: ['a="b c"'] })).find(
    ([command]) => command === 'linux',
  )
  assert.deepEqual(linux?.slice(2), ['a=b c'])
})

test('an argument that single quotes cannot hold, or that would not be one line of ASCII, throws', () => {
  const boot = SCRIPTS.boot
  assert.ok(boot.kind === 'boot')
  for (const text of ["it's", 'a\nb', 'a\r', 'a\0', 'a\tb', 'é'])
    assert.throws(() => renderGrub({ ...boot, cmdline: [text] }), /^Error: not a GRUB word: /, text)
})

const RUNS = { seed: 20261123, numRuns: runs(20_000, 1_000_000) }
const bootScript: fc.Arbitrary<BootScript> = fc.record({
  kind: fc.constant('boot'),
  server: fc.constant('http://10.77.0.1:8080'),
  title: NASTY,
  warning: NASTY,
  kernel: fc.constant({ name: 'k', url: 'http://10.77.0.1:8080/images/i/k' }),
  initrds: fc.constant([{ name: 'i', url: 'http://10.77.0.1:8080/images/i/i' }]),
  cmdline: fc.array(NASTY, { maxLength: 4 }),
})

/** What GRUB cannot print in single quotes, as dots. */
const asShown = (text: string): string => text.replace(/[^ -~]|'|\\$/g, '.')

function meant({ title, warning, cmdline }: BootScript): readonly (readonly string[])[] {
  return [
    ['echo', `Centra PXE: ${asShown(title)}`],
    ['echo', `WARNING: ${asShown(warning ?? '')}`],
    ['linux', '(http,10.77.0.1:8080)/images/i/k', ...cmdline.map((argument) => argument.replaceAll('"', ''))],
    ['if', 'initrd', '(http,10.77.0.1:8080)/images/i/i'],
    ['then'],
    ['boot'],
    ['fi'],
  ]
}

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
      if (JSON.stringify(lexGrub(text)) !== JSON.stringify(meant(script))) broken += 1
    }),
    RUNS,
  )
  return { accepted, broken }
}

test('whatever texts are offered, an argument is refused or read back exactly as meant, and the others are shown', () => {
  const { accepted, broken } = readsBack((script) => {
    try {
      return renderGrub(script)
    } catch (error) {
      assert.match(error instanceof Error ? error.message : '', /^not a GRUB word: /)
      return undefined
    }
  })
  assert.equal(broken, 0)
  assert.ok(accepted > 1000, `${accepted} accepted`)
})

test('negative control: a string template breaks under the same property', () => {
  const { broken } = readsBack(
    ({ title, warning, cmdline }) =>
      `echo 'Centra PXE: ${title}'\necho 'WARNING: ${warning}'\nlinux '(http,10.77.0.1:8080)/images/i/k' ${cmdline.map((argument) => argument.replaceAll('"', '')).join(' ')}\nif initrd '(http,10.77.0.1:8080)/images/i/i'; then\nboot\nfi\n`,
  )
  assert.ok(broken > 1000, `${broken} broken`)
})

/**
 * Commands as words, read as GRUB's lexer does (manual 2.06, "Quoting"): single quotes keep everything; outside them
 * blanks split, a line end or `;` ends a command, `#` at the start of a word begins a comment, a backslash escapes.
 */
function lexGrub(text: string): readonly (readonly string[])[] {
  const commands: string[][] = []
  let words: string[] = []
  let word: string | undefined
  const endWord = (): void => {
    if (word !== undefined) words.push(word)
    word = undefined
  }
  const endCommand = (): void => {
    endWord()
    if (words.length > 0) commands.push(words)
    words = []
  }
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charAt(i)
    if (c === "'") {
      const end = text.indexOf("'", i + 1)
      word = (word ?? '') + text.slice(i + 1, end < 0 ? undefined : end)
      i = end < 0 ? text.length : end
    } else if (c === '#' && word === undefined) {
      const end = text.indexOf('\n', i)
      i = end < 0 ? text.length : end - 1
    } else if (c === '\n' || c === ';') endCommand()
    else if (c === ' ' || c === '\t') endWord()
    else if (c === '\\') {
      word = (word ?? '') + text.charAt(i + 1)
      i += 1
    } else word = (word ?? '') + c
  }
  endCommand()
  return commands
}
