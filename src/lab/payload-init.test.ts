import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { findProgram } from './packages.ts'

const busybox = findProgram('busybox')
const skip = busybox === undefined && 'no busybox'
const functions = readFileSync(join(import.meta.dirname, 'payload', 'machine.sh'), 'utf8')

test('all scripts are accepted by the shell that runs them', { skip }, () => {
  for (const name of ['init.sh', 'machine.sh', 'install.sh', 'udhcpc-event.sh'])
    assert.equal(busyboxRun(['sh', '-n', join(import.meta.dirname, 'payload', name)]).stderr, '')
})

const ROWS: readonly (readonly [text: string, json: string])[] = [
  ['', '""'],
  ['worker', '"worker"'],
  ['a "quoted" \\word\\', '"a \\"quoted\\" \\\\word\\\\"'],
  ['%s %d \\x41 \\n $HOME `id`', '"%s %d \\\\x41 \\\\n $HOME `id`"'],
  ['tab\tline\nend\u007f', '"tab\\u0009line\\u000aend\\u007f"'],
]

for (const [text, json] of ROWS) {
  test(`json_string of ${JSON.stringify(text)}`, { skip }, () => {
    assert.equal(jsonString(text), json)
  })
}

test('json_string gives back every ASCII string', { skip }, () => {
  fc.assert(
    // A shell's arguments hold no NUL.
    fc.property(
      fc.string({ unit: fc.integer({ min: 1, max: 127 }).map((c) => String.fromCharCode(c)) }),
      (text) => {
        assert.equal(JSON.parse(jsonString(text)), text)
      },
    ),
    { seed: 11, numRuns: 40 },
  )
})

test('bytes above ASCII become valid JSON, byte by byte', { skip }, () => {
  assert.equal(JSON.parse(jsonString('é')), '\u00c3\u00a9')
})

function jsonString(text: string): string {
  return busyboxRun(['sh', '-c', `${functions}\njson_string "$1"`, 'sh', text]).stdout
}

function busyboxRun(args: readonly string[]): { stdout: string; stderr: string } {
  return spawnSync(busybox ?? '', args, { encoding: 'utf8' })
}
