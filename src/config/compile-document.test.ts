import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { runs } from '../../test/helpers/counts.ts'
import type { DocumentKind, DocumentPart, Template } from '../model/document.ts'
import { renderDocument } from '../render/document.ts'
import { compileDocument } from './compile-document.ts'

interface Sample {
  readonly kind: DocumentKind
  readonly part: DocumentPart
  /** `{{label.x}}` as a part of a value, `{{label.y}}` as all of it. */
  readonly text: string
  /** What its readers make of it: throws where they refuse it. */
  readonly read: (text: string) => unknown
}

/** As debconf-set-selections(1) and pykickstart read lines: a backslash joins them. */
function joinedLines(text: string): readonly string[] {
  return text.replaceAll('\\\n', '').split('\n')
}

function readPreseed(text: string): unknown {
  return joinedLines(text)
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((line) => {
      const [, ...fields] = /^\s*(\S+)\s+(\S+)\s+(\S+)(?:\s(.*))?$/.exec(line) ?? []
      assert.ok(fields.length > 0, `not a line of preseed: ${line}`)
      return fields
    })
}

/** Words as a shell splits them, without what it would do with them. */
function readKickstart(text: string): unknown {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'))
  return lines.map((line) => {
    assert.ok((line.match(/(?<!\\)"/g)?.length ?? 0) % 2 === 0, `a quote without an end: ${line}`)
    return line.match(/(?:[^\s"';#$`|&<>]|"[^"$`]*")+|[;#$`|&<>']/g) ?? []
  })
}

const SAMPLES: readonly Sample[] = [
  {
    kind: 'cloud-init',
    part: 'user-data',
    text: `#cloud-config
# left alone: {{label.x}}
plain: {{label.y}}
single: '{{label.y}}'
double: "{{label.y}}"
mixed: at {{label.x}}, and {{label.x}} again
quoted: 'it''s {{label.x}}'
list: [{{label.y}}, a {{label.x}}, "{{label.y}}"]
folded: >-
  {{label.x}} begins
    and {{label.x}} ends
literal: |
  {{label.x}}
   x {{label.x}}
more: {a: {{label.y}}, b: 1}
last: ~
`,
    read: (text) => parse(text, { logLevel: 'silent' }),
  },
  {
    kind: 'ignition',
    part: 'config.ign',
    text: `{"ignition": {"version": "3.3.0"}, "a": "{{label.y}}", "b": ["x {{label.x}} \\" y", 1, {"c": "{{label.y}}"}]}`,
    read: (text) => JSON.parse(text),
  },
  {
    kind: 'preseed',
    part: 'preseed.cfg',
    text: `# left alone: {{label.x}}
d-i a/b string {{label.y}}
d-i a/c string x {{label.x}} y
d-i a/late_command string one {{label.x}}; \\
  two {{label.x}}
d-i a/d boolean true
`,
    read: readPreseed,
  },
  {
    kind: 'kickstart',
    part: 'ks.cfg',
    text: `# left alone: {{label.x}}
network --hostname={{label.x}} --device="{{label.x}}"
rootpw --iscrypted "x"
%post --log={{label.x}}
echo {{label.x}}
%end
`,
    read: readKickstart,
  },
]

function compiled({ text, kind, part }: Sample): Template {
  const { template, problems } = compileDocument(text, kind, part)
  assert.deepEqual(problems, [])
  assert.ok(template !== undefined)
  return template
}

const VALUES = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 24 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 24 }) },
  {
    weight: 4,
    arbitrary: fc
      .array(
        fc.constantFrom(
          ...[
            '"',
            "'",
            '\\',
            '\n',
            '\r',
            ': ',
            '- ',
            ' #',
            '{',
            '}',
            '[',
            ']',
            ',',
            '&a',
            '*a',
            '!!',
            '%',
            '|',
            '>',
          ],
          ...[
            '$(x)',
            '`x`',
            ';',
            ' ',
            '\t',
            '\0',
            '\u2028',
            '~',
            'null',
            'true',
            'x',
            '1',
            '%end',
            'd-i',
            '${x}',
            '---',
          ],
        ),
        { minLength: 1, maxLength: 8 },
      )
      .map((parts) => parts.join('')),
  },
  fc.constantFrom('node-01', '123', 'no', '1e3', '0x1f', '10.77.0.1', '::', '=', '<<', '.inf', '2026-11-23'),
)

/** What a reader makes of the template, with these values in its strings. */
function expected({ read }: Sample, template: Template, values: ReadonlyMap<string, string>): unknown {
  const [x, y] = ['Qx1Q', 'Qy1Q']
  const neutral = renderDocument(template, (name) => (name === 'label.x' ? x : y))
  assert.ok(neutral.ok)
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.replaceAll(x, () => values.get('x') ?? '').replaceAll(y, () => values.get('y') ?? '')
    if (Array.isArray(value)) return value.map(fill)
    return typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item)]))
      : value
  }
  return fill(read(neutral.value))
}

function isSame(read: (text: string) => unknown, text: string, wanted: unknown): boolean {
  try {
    assert.deepEqual(read(text), wanted)
    return true
  } catch {
    return false
  }
}

describe('S-05: a value never changes the structure of a document', () => {
  for (const sample of SAMPLES)
    test(`${sample.part}: escaped or refused; a naive template breaks`, (context) => {
      const template = compiled(sample)
      const counts = { served: 0, refused: 0, naive: 0 }
      const check = (x: string, y: string): void => {
        const rendered = renderDocument(template, (name) => (name === 'label.x' ? x : y))
        const wanted = expected(sample, template, new Map(Object.entries({ x, y })))
        if (rendered.ok) assert.deepEqual(sample.read(rendered.value), wanted)
        counts[rendered.ok ? 'served' : 'refused'] += 1
        const naive = sample.text.replaceAll('{{label.x}}', () => x).replaceAll('{{label.y}}', () => y)
        if (!isSame(sample.read, naive, wanted)) counts.naive += 1
      }
      const words = fc.stringMatching(/^[a-z0-9.:/-]{1,12}$/)
      const cases = fc.oneof(fc.tuple(VALUES, VALUES), fc.tuple(words, VALUES), fc.tuple(words, words))
      fc.assert(
        fc.property(cases, ([x, y]) => check(x, y)),
        { numRuns: runs(2000, 250_000), seed: 5 },
      )
      context.diagnostic(`${JSON.stringify(counts)}`)
      assert.ok(counts.served > 100 && counts.refused > 100, JSON.stringify(counts))
      assert.ok(counts.naive > 100, `the naive template broke ${counts.naive} times`)
    })
})

test('what is not filled in stays as it is written, comments and all', () => {
  const text =
    '#cloud-config\n# {{node.name}} in a comment\na:   {{ node.name }}   # and here {{node.name}}\nb: [ 1,2 ]\n'
  const template = compiled({ kind: 'cloud-init', part: 'user-data', text, read: parse })
  assert.deepEqual(
    renderDocument(template, () => 'node01'),
    {
      ok: true,
      value:
        '#cloud-config\n# {{node.name}} in a comment\na:   "node01"   # and here {{node.name}}\nb: [ 1,2 ]\n',
    },
  )
})

test('a name that looks like a number or a truth value stays text', () => {
  const text = '#cloud-config\nhostname: {{node.name}}\n'
  const template = compiled({ kind: 'cloud-init', part: 'user-data', text, read: parse })
  for (const name of ['123', '0x1f', 'on', 'null', '1e3']) {
    const rendered = renderDocument(template, () => name)
    assert.ok(rendered.ok)
    assert.deepEqual(parse(rendered.value, { version: '1.1' }), { hostname: name })
  }
})

test('a variable without a value is told with its line', () => {
  const text = 'd-i a/b string x\nd-i a/b string {{node.serial}}\n'
  const template = compiled({ kind: 'preseed', part: 'preseed.cfg', text, read: parse })
  assert.deepEqual(
    renderDocument(template, () => undefined),
    { ok: false, error: 'line 2: {{node.serial}} has no value for this machine' },
  )
})

const WRONG: readonly (readonly [DocumentKind, DocumentPart, string, number, RegExp])[] = [
  ['cloud-init', 'user-data', 'hostname: x\n', 1, /begins with the line #cloud-config/],
  ['cloud-init', 'user-data', '#cloud-config\na: b: c\n', 2, /./],
  ['cloud-init', 'user-data', '#cloud-config\na: {{node.nam}}\n', 2, /there is no variable "node.nam"/],
  ['cloud-init', 'user-data', '#cloud-config\n{{node.name}}: x\n', 2, /in a value, not in a key/],
  ['cloud-init', 'user-data', '#cloud-config\n- a\n', 1, /./],
  ['cloud-init', 'network-config', 'ethernets: {}\n', 1, /version: 1 or version: 2/],
  ['autoinstall', 'user-data', '#cloud-config\nhostname: x\n', 1, /the key autoinstall:/],
  ['autoinstall', 'user-data', '#cloud-config\nautoinstall: {version: 2}\n', 1, /expected version: 1/],
  ['ignition', 'config.ign', '{"ignition": {}}', 1, /ignition.version/],
  [
    'ignition',
    'config.ign',
    '{"ignition": {"version": "3.3.0"},\n "a": {{node.name}}}',
    2,
    /stands in quotes/,
  ],
  ['ignition', 'config.ign', '{"ignition": {"version": "3.3.0"},\n}', 2, /is not JSON/],
  ['ignition', 'config.ign', '{"ignition": {"version": "3.3.0"}, "{{node.name}}": 1}', 1, /not in a key/],
  ['preseed', 'preseed.cfg', 'd-i a/b\n', 1, /owner question type value/],
  ['preseed', 'preseed.cfg', 'd-i a/b strnig x\n', 1, /owner question type value/],
  ['preseed', 'preseed.cfg', 'd-i a/b boolean yes\n', 1, /true or false/],
  ['preseed', 'preseed.cfg', 'd-i {{label.a}} string x\n', 1, /not in what begins a line/],
  ['preseed', 'preseed.cfg', 'd-i a/b string x\\', 1, /nothing follows/],
  ['kickstart', 'ks.cfg', '%post\nx\n', 3, /%post has no %end/],
  ['kickstart', 'ks.cfg', '%end\n', 1, /ends nothing/],
  ['kickstart', 'ks.cfg', '{{node.name}} x\n', 1, /./],
  ['kickstart', 'ks.cfg', '%pre\n%post\n%end\n', 2, /%pre has no %end before %post/],
]

for (const [kind, part, text, line, message] of WRONG)
  test(`refused when it is read: ${JSON.stringify(text)}`, () => {
    const { template, problems } = compileDocument(text, kind, part)
    assert.equal(template, undefined)
    assert.equal(problems[0]?.line, line)
    assert.match(problems[0]?.message ?? '', message)
  })
