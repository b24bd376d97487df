import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SCRIPTS } from '../../test/helpers/scripts.ts'
import { NODE01, world } from '../../test/helpers/world.ts'
import { decide } from '../boot/decide.ts'
import type { Script, ScriptForm } from '../model/script.ts'
import { renderScript } from './script.ts'

/** Texts that at least one of the loaders would act upon, or could not print. */
const HOSTILE = [
  "it shows what is node01's and what is node02's",
  "'; reboot; echo '",
  'a\nreboot',
  'a\r\nLABEL x',
  'a\0b\tc',
  'é and \u2028',
  '${uuid} ${reboot}',
  '|| reboot',
  '# a comment',
  ': label',
  'two  blanks ',
  ' ',
  '',
  'ends in a backslash\\',
] as const

/** What people read, in every kind of script. */
const SHOWN = new Set(['title', 'needs', 'warning', 'because', 'step'])

function withText(value: unknown, text: string): unknown {
  if (Array.isArray(value)) return value.map((one) => withText(one, text))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, old]) => {
      if (SHOWN.has(key)) return [key, text]
      if (key === 'lines') return [key, [text, text]]
      return [key, withText(old, text)]
    }),
  )
}

const WAYS: readonly (readonly [ScriptForm, 'tftp' | 'http'])[] = [
  ['ipxe', 'http'],
  ['grub', 'http'],
  ['grub', 'tftp'],
  ['pxelinux', 'http'],
  ['pxelinux', 'tftp'],
]

/** The first words of the lines: what a loader does. */
const commands = (text: string): readonly string[] =>
  text.split('\n').map((line) => /^\s*\S*/.exec(line)?.[0] ?? '')

describe('a text for people is shown by every loader, and does nothing', () => {
  const conflict: Script = { kind: 'local-disk', because: 'x', method: 'search' }
  for (const [name, plain] of Object.entries({ ...SCRIPTS, conflict }))
    for (const [form, over] of WAYS)
      test(`${name} in ${form} over ${over}`, () => {
        const expected = commands(renderScript(withText(plain, 'x') as Script, form, over))
        for (const text of HOSTILE) {
          const said = renderScript(withText(plain, text) as Script, form, over)
          assert.deepEqual(commands(said), expected, JSON.stringify(text))
          assert.match(said, /^[\n -~]*$/)
        }
      })
})

test('a machine that shows two nodes is told so by every loader, and gets its disk', () => {
  const uuid = '22222222-2222-4222-8222-222222222222'
  const there = world().labNodes().replaceNode('node02', { uuid })
  const asked = there.asks('http', { kind: 'run' }, NODE01)
  const { action } = decide({ ...asked, client: { ...asked.client, uuid } }, there.build())
  assert.ok(action.kind === 'script')
  for (const [form, over] of WAYS) {
    const text = renderScript(action.script, form, over)
    assert.match(
      text,
      /nobody can tell which machine this is: it shows what is node01.s and what is node02.s/,
    )
    assert.match(text, { ipxe: /^sanboot /m, grub: /^exit$/m, pxelinux: /LOCALBOOT/ }[form])
  }
})
