import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openRecording, type Recording } from './recording.ts'

const folder = mkdtempSync(join(tmpdir(), 'centra-recording-'))
after(() => rmSync(folder, { recursive: true }))

function open(path: string, now?: () => number): Recording {
  const opened = openRecording(path, now)
  assert.ok(opened.ok)
  return opened.value
}

test('a cast: header, then an event a write, in the file at once', () => {
  const file = join(folder, 'a.cast')
  let now = 1_795_407_965_999
  const recording = open(file, () => now)
  const header =
    '{"version":2,"width":100,"height":30,"timestamp":1795407965,"env":{"TERM":"xterm-256color"}}\n'
  assert.equal(readFileSync(file, 'utf8'), header)
  assert.deepEqual([recording.kind, recording.columns, recording.rows], ['cast', 100, 30])
  recording.write('one\r\n')
  now += 1234
  recording.write('\x1b[J"two"')
  assert.equal(readFileSync(file, 'utf8'), `${header}[0,"o","one\\r\\n"]\n[1.234,"o","\\u001b[J\\"two\\""]\n`)
  // The clock was set back: players want times that do not fall below zero.
  now -= 3_600_000
  recording.write('three')
  assert.equal(readFileSync(file, 'utf8').split('\n').at(-2), '[1.234,"o","three"]')
  recording.close()
})

test('any other name: the text alone; what the file had before is gone; nothing after the end', () => {
  const file = join(folder, 'a.txt')
  writeFileSync(file, 'an older and longer recording')
  const recording = open(file)
  assert.equal(recording.kind, 'text')
  recording.write('one\n')
  recording.write('two\n')
  recording.close()
  recording.close()
  recording.write('three\n')
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n')
})

test('a file that cannot be opened: which one, why, and what to do', () => {
  const file = join(folder, 'missing', 'a.cast')
  const opened = openRecording(file)
  assert.ok(!opened.ok)
  assert.equal(
    opened.error,
    `${file} cannot be written (ENOENT: no such file or directory, open '${file}'): name a file in a folder that exists`,
  )
  assert.ok(!openRecording(folder).ok)
})

test('a disk that is full ends the recording, not the run', { skip: !existsSync('/dev/full') }, () => {
  const recording = open('/dev/full')
  assert.equal(recording.problem, undefined)
  recording.write('one\n')
  assert.match(recording.problem ?? '', /^the recording \/dev\/full ends here: ENOSPC/)
  recording.write('two\n')
  recording.close()
})
