import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeyPlayer, shows } from './serial-console.ts'

test('a text on a console: between escape sequences, and with characters sent twice', () => {
  assert.ok(shows('\x1b[05;02H  2. WWorker: runs\x1b[06;02H', '2. Worker: runs'))
  assert.ok(shows('all 8 core services', 'all 8 core services'))
  assert.ok(!shows('2. Worker', '3. Worker'))
})

test('keys are typed one step after another, each after its own text', async () => {
  const typed: string[] = []
  const type = (text: string): Promise<void> => {
    typed.push(text)
    return Promise.resolve()
  }
  const steps = [
    { machine: 'm', waitFor: 'Menu', send: '1' },
    { machine: 'm', waitFor: 'Menu', send: '2' },
  ]
  const player = new KeyPlayer(steps, { type })
  player.take(Buffer.from('nothing yet, Me'))
  assert.deepEqual([typed, player.waitsFor], [[], 'Menu'])
  player.take(Buffer.from('nu'))
  assert.deepEqual(typed, ['1'], 'the text may come in pieces, and counts for one step')
  player.take(Buffer.from('\x1b[2JMenu'))
  assert.deepEqual([typed, player.waitsFor], [['1', '2'], undefined])
  player.take(Buffer.from('Menu'))
  assert.deepEqual(typed, ['1', '2'])
})
