import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { test } from 'node:test'
import { VARIABLES } from '../src/model/variables.ts'
import { type AccessEntry, accessLine } from '../src/render/access-line.ts'

const ROOT = join(import.meta.dirname, '..')
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'ARCHITECTURE.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }),
]

interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function centra(args: readonly string[], cwd: string): Ran {
  return spawnSync(process.execPath, [join(ROOT, 'src/main.ts'), ...args], { cwd, encoding: 'utf8' })
}

/** A folder with a configuration and small stand-ins for the files it names. */
function folderWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'centra-docs-'))
  const firmware = `server: { firmware: ./firmware, stateDir: ./state }\n`
  writeFileSync(join(folder, 'centra-pxe.yaml'), text.includes('\nserver:') ? text : `${text}${firmware}`)
  for (const file of [
    'images/vmlinuz',
    'images/initrd.img',
    'firmware/undionly.kpxe',
    'firmware/snponly.efi',
    ...[...text.matchAll(/\.\/(images\/[\w./+-]+)/g)].map(([, file = '']) => file),
  ]) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    writeFileSync(join(folder, file), file)
  }
  cpSync(join(ROOT, 'examples/installers/documents'), join(folder, 'documents'), { recursive: true })
  return folder
}

function blocks(document: string, language: string): readonly string[] {
  const text = readFileSync(join(ROOT, document), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, body = '']) => body,
  )
}

test('every configuration in the documents validates, in silence but for warnings', () => {
  let count = 0
  for (const document of DOCUMENTS)
    for (const text of blocks(document, 'yaml config')) {
      count += 1
      const { status, stdout, stderr } = centra(['validate', 'centra-pxe.yaml'], folderWith(text))
      assert.deepEqual([status, stdout], [0, ''], `${document}: ${stderr}`)
    }
  assert.ok(count > 0)
})

test('the table of placeholders is the one that the program has', () => {
  const text = readFileSync(join(ROOT, 'docs/installers.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `\{\{([a-z.-]+)\}\}` \| (.*) \|$/gm)].map(([, name, about]) => [
    name,
    about,
  ])
  assert.deepEqual(rows, Object.entries(VARIABLES))
})

test('every example validates', () => {
  const examples = globSync('examples/*/centra-pxe.yaml', { cwd: ROOT })
  assert.ok(examples.length > 0)
  for (const example of examples) {
    const folder = folderWith('')
    cpSync(dirname(join(ROOT, example)), folder, { recursive: true })
    const { status, stdout, stderr } = centra(['validate', basename(example)], folder)
    assert.deepEqual([status, stdout, stderr], [0, '', ''], example)
  }
})

test('the run in the README is the recorded one, with lines left out and none added', () => {
  const [shown = ''] = blocks('README.md', 'text recorded')
  const recorded = readFileSync(join(ROOT, 'docs/recordings/lab.txt'), 'utf8').split('\n')
  const [command, first, ...lines] = shown.trimEnd().split('\n')
  assert.equal(command, '$ npm start')
  assert.match(first ?? '', /^2 machines, software emulation: /)
  let at = 0
  for (const line of lines) {
    at = recorded.indexOf(line, at) + 1
    assert.ok(at > 0, `not recorded, or not there: ${line}`)
  }
  assert.match(shown, /node02 +uefi +worker .* [0-9.]+ s$/m)
})

test("the explanation in the README is what the program prints for the README's configuration", () => {
  const [text = ''] = blocks('README.md', 'yaml config')
  const folder = folderWith(text)
  const args = ['explain', '--config', 'centra-pxe.yaml', '--mac', '52:54:00:12:34:56', '--arch', 'uefi-x64']
  const { status, stdout } = centra(args, folder)
  assert.equal(status, 0)
  const shown = blocks('README.md', 'text explain')
  assert.equal(shown.length, 1)
  assert.equal(stdout.replaceAll(`${folder}/`, ''), shown[0])
})

test('every link between documents leads somewhere', () => {
  for (const document of DOCUMENTS) {
    const text = readFileSync(join(ROOT, document), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      const path = relative(ROOT, join(ROOT, dirname(document), target))
      assert.ok(globSync(path, { cwd: ROOT }).length > 0, `${document} links to ${target}`)
    }
  }
})

test('every command the README names exists and has help', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const names = new Set([...text.matchAll(/^\| `([a-z]+)/gm)].map(([, name = '']) => name))
  assert.ok(names.size >= 8)
  for (const name of names) {
    const { status, stdout } = centra([name, '--help'], ROOT)
    assert.equal(status, 0, name)
    assert.match(stdout, new RegExp(`^Usage: centra-pxe ${name}`))
  }
})

test('the lines of the access log in its document are what the program writes', () => {
  const [text = ''] = blocks('docs/observability.md', 'json access')
  const lines = text.trimEnd().split('\n')
  assert.equal(lines.length, 2)
  for (const line of lines) {
    const { time, ms, agent, mac, path, ...same } = JSON.parse(line)
    const entry: AccessEntry = {
      ...{ ...same, path, time: Date.parse(time), milliseconds: ms },
      ...(mac === undefined ? {} : { mac }),
      ...(agent === undefined ? {} : { userAgent: agent }),
    }
    assert.equal(accessLine(entry), `${line}\n`)
  }
})
