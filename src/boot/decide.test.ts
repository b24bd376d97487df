import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Row, testRows } from '../../test/helpers/decision-rows.ts'
import { NODE02, world } from '../../test/helpers/world.ts'
import { decide } from './decide.ts'

const FILES: readonly Row[] = [
  {
    name: 'a published loader, by the first name that fits',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: ['boot/undionly.kpxe', 'undionly.kpxe'] }),
    action: 'file undionly.kpxe',
    steps: ['file.publish config: undionly.kpxe'],
  },
  {
    name: 'T25: in any case',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: ['Boot/UNDIONLY.KPXE', 'UNDIONLY.KPXE'] }),
    action: 'file undionly.kpxe',
    steps: ['file.publish config: undionly.kpxe'],
  },
  {
    name: 'a name that is no loader is refused and escaped',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: ['etc/\n\x1b[31mpasswd'] }),
    action: 'refuse "etc/\\x0a\\x1b[31mpasswd" is not a published loader',
    steps: ['file.publish config: "etc/\\x0a\\x1b[31mpasswd" is not a published loader'],
  },
  {
    name: 'no name at all',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: [] }),
    action: 'refuse the name is not a published loader',
    steps: ['file.publish config: the name is not a published loader'],
  },
]

testRows('files', FILES)

test('steps cite the line of the configuration', () => {
  const there = world().labNodes()
  const { trace } = decide(there.asks('http', { kind: 'run' }, NODE02), there.build())
  assert.deepEqual(
    trace.map(({ cite }) => cite),
    [
      '/etc/centra-pxe/centra-pxe.yaml:41',
      '/etc/centra-pxe/centra-pxe.yaml:41',
      undefined,
      '/etc/centra-pxe/centra-pxe.yaml:10',
      '/etc/centra-pxe/centra-pxe.yaml:20',
      undefined,
    ],
  )
})
