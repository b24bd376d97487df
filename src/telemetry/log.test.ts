import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLog } from './log.ts'

function writes(): { readonly written: string[]; readonly write: (lines: string) => void } {
  const written: string[] = []
  return { written, write: (lines) => void written.push(lines) }
}

test('info lines are written together, in their order; an error at once, after what waits', async () => {
  const { written, write } = writes()
  const log = createLog(write, 'journal')
  log.line('info', 'one')
  log.line('info', 'two')
  assert.deepEqual(written, [])
  log.line('error', 'three')
  assert.deepEqual(written, ['<6>one\n<6>two\n<3>three\n'])
  log.line('info', 'four')
  while (written.length < 2) await sleep(1)
  assert.equal(written[1], '<6>four\n')
  log.line('info', 'five')
  log.flush()
  log.flush()
  assert.deepEqual(written.slice(2), ['<6>five\n'])
})

test('what waits has a limit', () => {
  const { written, write } = writes()
  const log = createLog(write, 'text')
  for (let n = 0; n < 100; n += 1) log.line('info', 'x'.repeat(1000))
  assert.ok(written.length >= 3)
  log.flush()
  assert.equal(written.join('').split('\n').length, 101)
})

test('one call is one line: control characters and other octets are shown, a backslash stays', () => {
  const { written, write } = writes()
  const log = createLog(write, 'journal')
  log.line('info', 'a\nb\x1b[0m \u00fc \\x')
  log.flush()
  assert.deepEqual(written, ['<6>a\\x0ab\\x1b[0m \\xc3\\xbc \\x\n'])
})

test('text and JSON carry the time', () => {
  const { written, write } = writes()
  createLog(write, 'text').line('warn', 'hot')
  createLog(write, 'json').line('warn', 'hot', { degrees: 90 })
  assert.match(written[0] ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z warn: hot\n$/)
  const { time, ...rest } = JSON.parse(written[1] ?? '')
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
  assert.deepEqual(rest, { level: 'warn', message: 'hot', degrees: 90 })
})
