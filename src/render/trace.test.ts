import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NODE01 } from '../../test/helpers/world.ts'
import { renderTrace } from './trace.ts'

test('a page: the request, a line a step, the answer and what it depends on', () => {
  const page = renderTrace({
    request: 'DISCOVER',
    mac: NODE01,
    node: 'node01',
    steps: [
      { rule: 'client.arch', outcome: 'bios-x86', from: 'packet', cite: 'RFC 4578 §2.1' },
      { rule: 'lease.pool', outcome: '10.77.0.100', from: 'state' },
    ],
    answer: 'boot-file undionly.kpxe',
    stable: true,
    reply: 'OFFER 10.77.0.100, broadcast',
    mode: 'nothing is sent',
  })
  assert.deepEqual(page.split('\n'), [
    `request   DISCOVER  ${NODE01} (node01)`,
    ' 1  client.arch  bios-x86     packet  RFC 4578 §2.1',
    ' 2  lease.pool   10.77.0.100  state',
    'action    boot-file undionly.kpxe  [stable]',
    'reply     OFFER 10.77.0.100, broadcast',
    'but       nothing is sent',
  ])
  const bare = renderTrace({ request: 'GET', mac: NODE01, steps: [], answer: 'x', stable: false })
  assert.match(bare, /\[volatile\]$/)
})
