import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import { assertGolden } from '../../test/helpers/golden.ts'
import { NASTY, SCRIPTS } from '../../test/helpers/scripts.ts'
import type { BootScript, PageScript } from '../model/script.ts'
import { renderPxelinux } from './pxelinux.ts'

describe('whole scripts', () => {
  for (const [name, script] of Object.entries(SCRIPTS))
    test(name, () => assertGolden(`scripts/${name}.pxelinux`, renderPxelinux(script, 'tftp')))
})

test('over HTTP every file and every next configuration is a whole address', () => {
  const text = [SCRIPTS.boot, SCRIPTS.menu].map((script) => renderPxelinux(script, 'http')).join('')
  const fetched = [...text.matchAll(/^ {2}(?:LINUX|INITRD|CONFIG) (.*)$/gm)].map(([, what = '']) => what)
  assert.ok(fetched.length > 4)
  for (const what of fetched) assert.match(what, /^http:\/\/10\.77\.0\.1:8080\/(images|pxelinux\.cfg)\//)
})

test('a confirmation that nobody answers ends on the local disk', () => {
  assert.match(renderPxelinux(SCRIPTS['confirm-all-in-one'], 'tftp'), /^DEFAULT local$/m)
})

const RUNS = { seed: 20261123, numRuns: runs(20_000, 1_000_000) }
const bootScript: fc.Arbitrary<BootScript> = fc.record({
  kind: fc.constant('boot'),
  server: fc.constant('http://10.77.0.1:8080'),
  title: NASTY,
  warning: NASTY,
  kernel: fc.constant({ name: 'k', url: 'http://10.77.0.1:8080/images/i/k' }),
  initrds: fc.constant([
    { name: 'i', url: 'http://10.77.0.1:8080/images/i/i' },
    { name: 'j', url: 'http://10.77.0.1:8080/images/i/j' },
  ]),
  cmdline: fc.array(NASTY, { maxLength: 4 }),
})

/** What a console cannot print, as dots. */
const asShown = (text: string): string => text.replace(/[^ -~]/g, '.')

function meant({ title, warning, cmdline }: BootScript): readonly (readonly [string, string])[] {
  return [
    ['say', `Centra PXE: ${asShown(title)}`],
    ['say', `WARNING: ${asShown(warning ?? '')}`],
    ['default', 'boot'],
    ['prompt', '0'],
    ['label', 'boot'],
    ['linux', 'images/i/k'],
    ['initrd', 'images/i/i,images/i/j'],
    ['append', cmdline.join(' ').trimStart()],
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
      if (JSON.stringify(readPxelinux(text)) !== JSON.stringify(meant(script))) broken += 1
    }),
    RUNS,
  )
  return { accepted, broken }
}

test('whatever texts are offered, an argument is refused or read back exactly as meant, and the others are shown', () => {
  const { accepted, broken } = readsBack((script) => {
    try {
      return renderPxelinux(script, 'tftp')
    } catch (error) {
      assert.match(error instanceof Error ? error.message : '', /^not a PXELINUX line: /)
      return undefined
    }
  })
  assert.equal(broken, 0)
  assert.ok(accepted > 1000, `${accepted} accepted`)
})

test('negative control: a string template breaks under the same property', () => {
  const { broken } = readsBack(
    ({ title, warning, cmdline }) =>
      `SAY Centra PXE: ${title}\nSAY WARNING: ${warning}\nDEFAULT boot\nPROMPT 0\nLABEL boot\nLINUX images/i/k\nINITRD images/i/i,images/i/j\nAPPEND ${cmdline.join(' ')}\n`,
  )
  assert.ok(broken > 100, `${broken} broken`)
})

test('what a machine says of itself is shown and never a keyword', () => {
  const keywords = (script: PageScript): readonly string[] =>
    readPxelinux(renderPxelinux(script, 'tftp')).map(([keyword]) => keyword)
  const { info } = SCRIPTS
  assert.ok(info.kind === 'page')
  const plain = keywords({ ...info, lines: ['x'] })
  fc.assert(
    fc.property(NASTY, (said) => assert.deepEqual(keywords({ ...info, lines: [said] }), plain)),
    RUNS,
  )
})

/** Keywords and the rest of their lines, read as PXELINUX does (com32/elflink/ldlinux/readconfig.c). */
function readPxelinux(text: string): readonly (readonly [string, string])[] {
  return text
    .split(/\r?\n|\r|\0/)
    .map((line) => line.slice(blanks(line)))
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const end = Array.from(line, (character) => character <= ' ').indexOf(true)
      const keyword = (end < 0 ? line : line.slice(0, end)).toLowerCase()
      const rest = end < 0 ? '' : line.slice(end + 1)
      return [keyword, keyword === 'say' ? rest : rest.slice(blanks(rest))] as const
    })
}

/** How many there are at the beginning; every control character is one (`my_isspace`). */
function blanks(line: string): number {
  const first = Array.from(line, (character) => character > ' ').indexOf(true)
  return first < 0 ? line.length : first
}
