import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NODE01, NOW } from '../../test/helpers/world.ts'
import { type BootEvent, EVENT_KINDS } from '../model/event.ts'
import { describeEvent, formatEventLine } from './event.ts'

const at = (event: Omit<BootEvent, 'time'>): BootEvent => ({ time: NOW, ...event })

describe('one line an event', () => {
  const rows: readonly (readonly [BootEvent, string])[] = [
    [
      at({ kind: 'dhcp.offer', address: '10.77.0.11', detail: { boot: 'undionly.kpxe', to: 'link' } }),
      'OFFER 10.77.0.11 undionly.kpxe',
    ],
    [at({ kind: 'dhcp.nak', detail: { reason: 'wrong network', to: 'broadcast' } }), 'NAK wrong network'],
    [
      at({
        kind: 'http.start',
        address: '10.77.0.11',
        detail: { file: 'vmlinuz', size: 8_000_000, total: 9 },
      }),
      'HTTP vmlinuz 8.0 MB',
    ],
    [
      at({ kind: 'http.done', detail: { file: 'vmlinuz', sent: 8_000_000, ms: 500 } }),
      'HTTP done vmlinuz 8.0 MB in 0.5 s (16.0 MB/s)',
    ],
    [
      at({ kind: 'http.done', detail: { file: 'x', sent: 10, ms: 0 } }),
      'HTTP done x 10 B in 0.0 s (10.0 kB/s)',
    ],
    [
      at({ kind: 'http.failed', detail: { file: 'x', sent: 10, size: 20, reason: 'closed' } }),
      'HTTP failed x 10 B of 20 B closed',
    ],
    [
      at({ kind: 'http.script', detail: { script: 'boot', form: 'ipxe', profile: 'worker', image: 'i' } }),
      'script boot worker i',
    ],
    [
      at({ kind: 'report', detail: { cmdline: 'long', stage: 'in-service', standing: 'verified' } }),
      'report in-service',
    ],
    [at({ kind: 'server.stopped', detail: {} }), 'server stopped'],
  ]
  for (const [event, line] of rows) test(line, () => assert.equal(describeEvent(event), line))

  test('a claimed report says so, and why', () => {
    const detail = {
      stage: 'failed',
      standing: 'claimed',
      because: 'the report has no nonce',
      detail: 'no disk',
    }
    assert.equal(
      describeEvent(at({ kind: 'report', detail })),
      'report failed (claimed: the report has no nonce): no disk',
    )
  })

  test('every kind has a word', () => {
    for (const kind of EVENT_KINDS) assert.match(describeEvent(at({ kind, detail: {} })), /^\S/)
  })
})

test('time in UTC, then who: the node with its MAC, the MAC, or the address', () => {
  const event = { kind: 'report', address: '10.77.0.11', detail: { stage: 'kernel' } } as const
  const lines = [{ node: 'node01', mac: NODE01 }, { mac: NODE01 }, {}].map((who) =>
    formatEventLine(at({ ...event, ...who })),
  )
  assert.deepEqual(lines, [
    `2026-11-23T04:00:00.000Z node01 (${NODE01}) report kernel`,
    `2026-11-23T04:00:00.000Z ${NODE01} report kernel`,
    '2026-11-23T04:00:00.000Z 10.77.0.11 report kernel',
  ])
  assert.equal(
    formatEventLine(at({ kind: 'server.stopped', detail: {} })),
    '2026-11-23T04:00:00.000Z server stopped',
  )
})
