import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../src/version.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** What a folder below src/ may import of the others, with its why; itself always. */
interface Rule {
  readonly folder: string
  readonly may: readonly string[]
  /** Packages and `node:` modules; `*` is everything. */
  readonly packages: readonly string[]
  readonly why: string
}

const PURE = ['lib', 'protocol', 'model']

const RULES: readonly Rule[] = [
  { folder: 'lib', may: [], packages: [], why: 'values know no protocol and no product' },
  {
    folder: 'protocol',
    may: ['lib'],
    packages: [],
    why: 'codecs are pure and could be a package of their own',
  },
  { folder: 'model', may: ['lib'], packages: [], why: 'the nouns depend on nobody' },
  { folder: 'boot', may: PURE, packages: [], why: 'the policy is a function: no clock, no socket, no file' },
  { folder: 'address', may: PURE, packages: [], why: 'as boot' },
  { folder: 'lifecycle', may: PURE, packages: [], why: 'as boot' },
  { folder: 'render', may: PURE, packages: [], why: 'text out of values' },
  {
    folder: 'config',
    may: PURE,
    packages: ['yaml', 'zod', 'node:path'],
    why: 'parsing is pure; the YAML parser is the one exception',
  },
  { folder: 'servers', may: PURE, packages: ['*'], why: 'hands: sockets, no policy' },
  { folder: 'store', may: PURE, packages: ['*'], why: 'hands: the database' },
  { folder: 'files', may: PURE, packages: ['*'], why: 'hands: the file system' },
  {
    folder: 'firmware',
    may: PURE,
    packages: ['*'],
    why: 'hands: loaders out of packages, and their manifest; which ones is the policy of boot/',
  },
  { folder: 'telemetry', may: PURE, packages: ['*'], why: 'hands: the log' },
  {
    folder: 'app',
    may: [...PURE, 'boot', 'address', 'lifecycle', 'render', 'config'],
    packages: [],
    why: 'use cases receive the hands as arguments',
  },
  { folder: 'daemon', may: ['*'], packages: ['*'], why: 'the composition root' },
  {
    folder: 'lab',
    may: [...PURE, 'render'],
    packages: ['*'],
    why: 'a door beside the server: it runs the command, it does not import it',
  },
  {
    folder: 'rescue',
    may: [...PURE, 'lab'],
    packages: ['*'],
    why: "hands: an image out of packages, by the lab's tools",
  },
  { folder: 'cli', may: ['*'], packages: ['*'], why: 'the doors' },
]

/** Ways out of purity that no import shows. */
const IMPURE =
  /\b(Date\.now|new Date\(\)|Math\.random|process\.|setTimeout|setInterval|fetch\(|await |performance\.)/

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

const files = globSync(join(ROOT, 'src/**/*.ts'))
  .map((file) => relative(ROOT, file))
  .sort()
const sources = files.filter((file) => !file.endsWith('.test.ts'))
const imports = sources.flatMap(importsOf)

function importsOf(file: string): readonly Import[] {
  const text = read(file)
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'/gms)
  const dynamic = text.matchAll(/\bimport\('([^']+)'\)|\brequire\('([^']+)'\)/g)
  return [
    ...[...statements].map(([, type, to = '']) => ({ from: file, to, isType: type !== undefined })),
    ...[...dynamic].map(([, a, b]) => ({ from: file, to: a ?? b ?? '', isType: false })),
  ]
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function folderOf(file: string): string {
  return normalize(file).split('/').slice(1, -1)[0] ?? ''
}

function target({ from, to }: Import): string | undefined {
  return to.startsWith('.') ? normalize(join(dirname(from), to)) : undefined
}

test('there are sources, and the reader finds their imports', () => {
  assert.ok(sources.length > 50 && imports.length > 200, `${sources.length} files, ${imports.length} imports`)
})

test('every folder has a rule and imports only what it allows', () => {
  const wrong: string[] = []
  for (const one of imports) {
    const folder = folderOf(one.from)
    if (folder === '') continue
    const rule = RULES.find((candidate) => candidate.folder === folder)
    assert.ok(rule, `src/${folder} has no rule in this test`)
    const to = target(one)
    const allowed =
      to === undefined
        ? allows(rule.packages, one.to)
        : folderOf(to) === folder || allows(rule.may, folderOf(to)) || to === 'src/version.ts'
    if (!allowed) wrong.push(`${one.from} imports ${one.to}: ${rule.why}`)
  }
  assert.deepEqual(wrong, [])
})

function allows(list: readonly string[], name: string): boolean {
  return list.includes('*') || list.includes(name)
}

test('protocol and model do not know each other', () => {
  const crossing = imports.filter((one) => {
    const pair = [folderOf(one.from), folderOf(target(one) ?? '')].join(' ')
    return pair === 'protocol model' || pair === 'model protocol'
  })
  assert.deepEqual(crossing, [])
})

/** Values of src/ that no other file of src/ imports, and why they stay. Types belong to the functions they describe. */
const EXPORTED_FOR: Readonly<Record<string, string>> = {
  'src/protocol/dhcp4/describe.ts describeDhcp4': 'the text of the golden files of captures and vectors',
  'src/protocol/dhcp4/options.ts hostName': 'tests read it where options lie in file and sname',
  'src/protocol/ipxe/lex.ts lexIpxe': 'the lexer that the emitter is held against',
  'src/lab/packages.ts ensureSystemPackages': 'called by scripts/system-packages.ts',
  'src/lab/packages.ts PACKAGE_SETS': 'called by scripts/system-packages.ts',
  'src/lab/namespace.ts enterPrivateWorld': 'its test imports it in another process',
}

test('every exported value is imported by another file of src, or used in its own and tested', () => {
  const inSources = importedNames(sources)
  const inTests = importedNames([
    ...files.filter((file) => file.endsWith('.test.ts')),
    ...globSync(join(ROOT, 'test/**/*.ts')).map((file) => relative(ROOT, file)),
  ])
  const exported = /^export (?:async )?(?:function\*?|const|let|class) (\w+)/gm
  const unused = sources.flatMap((file) => {
    const text = read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    return [...text.matchAll(exported)]
      .map(([, name = '']) => ({ name, key: `${file} ${name}` }))
      .filter(({ key }) => !inSources.has(key))
      .filter(({ name, key }) => {
        const uses = text.match(new RegExp(`(?<![\\w$]|(?<!\\.\\.)\\.)${name}\\b`, 'g'))?.length ?? 0
        return uses < 2 || !inTests.has(key)
      })
      .map(({ key }) => key)
  })
  assert.deepEqual(unused.sort(), Object.keys(EXPORTED_FOR).sort())
})

/** `file name` of everything these files import, by name or as a part of a namespace, from src. */
function importedNames(from: readonly string[]): ReadonlySet<string> {
  return new Set(
    from.flatMap((file) => {
      const text = read(file)
      const names = (list: string): readonly string[] => [...list.matchAll(/\w+/g)].map(([name]) => name)
      const statements = text.matchAll(/^(?:import|export)\s(?:type\s)?\{([^}]*)\} from '(\.[^']+)'/gms)
      const spaces = text.matchAll(/^import \* as (\w+) from '(\.[^']+)'/gm)
      const lazy = text.matchAll(/\bconst \{([^}]*)\} = await import\('(\.[^']+)'\)/g)
      return [
        ...[...statements, ...lazy].map(([, list = '', to = '']) => ({ to, names: names(list) })),
        ...[...spaces].map(([, space = '', to = '']) => ({
          to,
          names: [...text.matchAll(new RegExp(`\\b${space}\\.(\\w+)`, 'g'))].map(([, name = '']) => name),
        })),
      ].flatMap((one) => one.names.map((name) => `${normalize(join(dirname(file), one.to))} ${name}`))
    }),
  )
}

test('every exported function, class and constant of src has a docstring; constants in a row share one', () => {
  const bare = sources.flatMap((file) => {
    const lines = read(file).split('\n')
    const isTold = (i: number): boolean =>
      lines[i - 1]?.endsWith('*/') === true ||
      (/^export const \w+ = .*[^{[(]$/.test(lines[i - 1] ?? '') && isTold(i - 1))
    return lines.flatMap((line, i) => {
      const [, name] = /^export (?:async )?(?:function\*?|const|class) (\w+)/.exec(line) ?? []
      return name === undefined || isTold(i) ? [] : [`${file}:${i + 1}: ${name}`]
    })
  })
  assert.deepEqual(
    bare,
    [],
    'write /** ... */ above each: units, what undefined and errors mean, the section of the RFC; not its name again',
  )
})

test('pure folders have no clock, no randomness, no waiting and no process', () => {
  const pure = new Set(['lib', 'protocol', 'model', 'boot', 'address', 'lifecycle', 'render', 'config'])
  const found = sources
    .filter((file) => pure.has(folderOf(file)))
    .flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, i) =>
          IMPURE.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [],
        ),
    )
  assert.deepEqual(found, [])
})

test('no runtime import goes in a circle', () => {
  const next = new Map<string, string[]>()
  for (const one of imports) {
    const to = target(one)
    if (to !== undefined && !one.isType) next.set(one.from, [...(next.get(one.from) ?? []), to])
  }
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), `a circle: ${[...path, file].join(' -> ')}`)
    if (done.has(file)) return
    for (const to of next.get(file) ?? []) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of sources) visit(file, [])
})

test('src is at most two folders deep and every file is named in kebab-case', () => {
  for (const file of files) {
    assert.ok(file.split('/').length <= 4, `${file} is too deep`)
    assert.match(file, /^src\/([a-z0-9-]+\/)*[a-z0-9-]+(\.test)?\.ts$/)
  }
})

test('only the doors read the environment and the arguments', () => {
  const doors = new Set(['cli', 'lab', ''])
  const found = sources.filter((file) => !doors.has(folderOf(file)) && /process\.(env|argv)/.test(read(file)))
  assert.deepEqual(found, [])
})

test('koffi is loaded in the modules that say so, and nowhere else', () => {
  const found = sources.filter((file) => /['"]koffi['"]/.test(read(file)))
  assert.deepEqual(found, ['src/servers/libc.ts'])
})

test('the boot policy is called, never repeated: loader names stand in one table', () => {
  const names = /undionly\.kpxe|snponly\.efi|ipxe\.efi|ipxe\.pxe/
  const found = sources.filter((file) =>
    read(file)
      .split('\n')
      .some((line) => names.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line)),
  )
  assert.deepEqual(
    found.filter((file) => folderOf(file) !== 'lab'),
    ['src/boot/loaders.ts'],
  )
})

test('files stay readable: at most ten internal imports, except where everything is put together', () => {
  const composition = new Set(['src/daemon/server.ts', 'src/cli/program.ts', 'src/app/answer-http.ts'])
  const wide = sources
    .map((file) => ({
      file,
      count: new Set(imports.filter((one) => one.from === file && !one.isType).map((one) => target(one)))
        .size,
    }))
    .filter(({ file, count }) => count > 11 && !composition.has(file))
  assert.deepEqual(wide, [])
})

test('the external packages of each folder are these', () => {
  const lines = RULES.map(({ folder }) => {
    const packages = imports
      .filter(
        (one) => folderOf(one.from) === folder && !one.to.startsWith('.') && !one.to.startsWith('node:'),
      )
      .map(({ to }) => to)
    return `${folder}: ${[...new Set(packages)].sort().join(' ')}`.trim()
  })
  assert.equal(`${lines.join('\n')}\n`, read('test/golden/packages.txt'))
})

test('every dependency has its line in docs/dependencies.md, and the lock file no download address', () => {
  const manifest = JSON.parse(read('package.json'))
  const text = read('docs/dependencies.md')
  const names = ['dependencies', 'optionalDependencies', 'devDependencies'].flatMap((key) =>
    Object.keys(manifest[key]),
  )
  for (const name of names) assert.ok(text.includes(`\`${name}\``), `${name} is not in docs/dependencies.md`)
  assert.ok(!read('package-lock.json').includes('"resolved"'))
  assert.equal(manifest.version, VERSION)
})
