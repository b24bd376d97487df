import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

const FILE = '/c/x.yaml'
const NET = 'version: 1\nnetworks:\n  - {name: a, interface: eth0, subnet: 10.0.0.0/24}\n'

function problems(text: string, included: Readonly<Record<string, string>> = {}): readonly string[] {
  const others = Object.entries(included).map(([file, body]) => ({ file, text: body }))
  return resolveConfig({ file: FILE, text }, others).problems.map(formatProblem)
}

describe('what is no YAML: the place to mend, and neither consequences nor warnings', () => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ['only a comment', '# version: 1\n', ['1:1: the file is empty; begin with version: 1']],
    ['a list', '- 1\n', ['1:1: expected keys with values, such as nodes:, but the file is a list']],
    [
      'a text with a colon too close',
      'version:1\n',
      ['1:1: expected keys with values, such as nodes:, but the file is a single text'],
    ],
    [
      'tabs through a list',
      'version: 1\nnodes:\n\t- name: a\n\t  mac: b\n\t- name: c\n\t  mac: d\n',
      ['3:1: a tab indents this line; indent with spaces'],
    ],
    ['a tab inside braces', 'menu: {\n\ttitle: x }\n', ['2:1: a tab indents this line; indent with spaces']],
    [
      'keys twice, at every depth, each with its first line',
      'version: 1\nmenu:\n  title: a\n  title: b\nversion: 1\nnodes: [{name: n, name: n}]\n',
      [
        '4:3: the key title is already in line 3; keep one of them',
        '5:1: the key version is already in line 1; keep one of them',
        '6:19: the key name is already in line 6; keep one of them',
      ],
    ],
    [
      'a key twice, then a fault in the structure, then its consequences',
      'version: 1\nversion: 1\nmenu:\n\ttitle: x\nmenu: {}\n',
      [
        '2:1: the key version is already in line 1; keep one of them',
        '4:1: a tab indents this line; indent with spaces',
      ],
    ],
    ['an open quote', 'menu:\n  title: "x\nunknown: menu\n', ['2:10: the " that opens here is never closed']],
    [
      'an open quote before a closed one',
      'version: 1\nmenu: {title: "a", default: "b}\nunknown: "menu"\n',
      ['2:29: the " that opens here is never closed'],
    ],
    ['an open single quote', "unknown: 'menu\n", ["1:10: the ' that opens here is never closed"]],
    [
      'an open brace',
      'nodes:\n  - {name: a, mac: b\n  - {name: c}\n',
      ['2:5: the { that opens here is not closed, or what it encloses is not indented further than its key'],
    ],
    [
      'an open bracket before closed ones',
      'a: [[1], [2]\nb: 3\n',
      ['1:4: the [ that opens here is not closed, or what it encloses is not indented further than its key'],
    ],
    ['two documents', 'version: 1\n---\nversion: 1\n', ['2:1: one document a file: remove the line ---']],
    [
      'two documents with an end between them',
      'version: 1\n...\nmenu: {}\n',
      ['3:1: one document a file: remove the line ... before this one'],
    ],
    [
      'a colon in a text',
      'menu:\n  title: Boot: now\n',
      [
        '2:10: a second "key: value" in one value; put a text with ": " in quotes, or mend the indentation of the next line',
      ],
    ],
    [
      'a key without a colon',
      'version 1\nnodes: []\n',
      ['1:1: this line is no "key: value" and no "- item"; look for a missing colon, space or dash'],
    ],
    [
      'a line that is not aligned',
      'menu:\n  title: a\n default: b\n',
      [
        '3:1: this line begins in another column than its neighbours; indent what belongs together by the same number of spaces',
      ],
    ],
    [
      'globs without quotes',
      'include: [*.yaml, *.yml]\n',
      [
        '1:11: nothing above is named &.yaml; a text that begins with * must be in quotes',
        '1:19: nothing above is named &.yml; a text that begins with * must be in quotes',
      ],
    ],
    ['a reserved character', 'menu: {title: @x}\n', ['1:15: a text cannot begin with @; put it in quotes']],
    ['a tag', 'menu: !x 1\n', ['1:7: there is no tag !x; remove it, or put the text in quotes']],
    ['a comma too few', 'dns: ["a" "b"]\n', ['1:11: a comma is missing before this']],
    ['a comment too close', 'a: "x"#y\n', ['1:7: write a space before #']],
    [
      'a bracket too many',
      'a: [1]]\n',
      [
        '1:7: this does not belong here; begin a list in a line of its own, remove a bracket too many, or use quotes',
      ],
    ],
  ]
  for (const [name, text, expected] of rows)
    test(name, () =>
      assert.deepEqual(
        problems(text),
        expected.map((line) => `/c/x.yaml:${line}`),
      ),
    )
})

describe('a part that cannot be read', () => {
  const main = `${NET}profiles: {worker: {image: there}, mine: {}}
nodes:
  - {name: n1, mac: "52:54:00:00:00:01", address: 10.9.0.1, profile: there}
  - {name: n1, mac: "52:54:00:00:00:02", address: 10.0.0.0, profile: mine}
menu: {default: there}
`
  const own = [
    '/c/x.yaml:7:12: nodes[1].name: the node name n1 is already taken, /c/x.yaml:6',
    '/c/x.yaml:7:51: nodes[1].address: 10.0.0.0 belongs to the network a itself',
  ]

  test('may hold the names that the others want; what is wrong without it is still told', () => {
    assert.deepEqual(problems(main, { '/c/y.yaml': 'images:\n\tthere: {}\n' }), [
      ...own,
      '/c/y.yaml:2:1: a tab indents this line; indent with spaces',
    ])
    const unread = resolveConfig({ file: FILE, text: main }, [], { incomplete: true })
    assert.deepEqual(unread.problems.map(formatProblem), own)
    assert.equal(problems(main).length, own.length + 7, 'all read: nothing is held back')
    assert.deepEqual(unread.undeclared, [], 'the part may declare it')
  })

  test('is the main file: its parts are still checked, and nobody misses anything', () => {
    const part = 'nodes:\n  - {name: n, mac: "52:54:00:00:00:01", profile: there, colour: red}\n'
    const { problems: found } = resolveConfig({ file: FILE, text: 'version: "1\n' }, [
      { file: '/c/y.yaml', text: part },
    ])
    assert.deepEqual(found.map(formatProblem), [
      '/c/x.yaml:1:10: the " that opens here is never closed',
      '/c/y.yaml:2:57: nodes[0].colour: there is no such key; look for a typing error, or remove it',
    ])
  })

  test('is a section of the wrong kind', () => {
    assert.deepEqual(problems(`${NET}images: [i]\nprofiles: {worker: {image: i}}\n`), [
      '/c/x.yaml:4:9: images: expected images by name',
    ])
  })
})
