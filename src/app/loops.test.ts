import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { vector } from '../../test/helpers/dhcp-fixtures.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { mac as macOf, NODE01, NODE02, NOW, world } from '../../test/helpers/world.ts'
import type { BootEvent, EventKind } from '../model/event.ts'
import { bootFileName } from '../protocol/dhcp4/options.ts'
import { describeEvent } from '../render/event.ts'
import { answerDhcp } from './answer-dhcp.ts'
import { LoopWatch } from './loops.ts'

function event(seconds: number, kind: EventKind, detail: BootEvent['detail'] = {}): BootEvent {
  return {
    ...{ time: NOW + seconds * 1000, kind, mac: NODE01, node: 'node01', network: 'provisioning' },
    ...{ address: '10.77.0.11', detail },
  }
}

const fetched = (seconds: number, file = 'snponly.efi'): BootEvent => event(seconds, 'tftp.done', { file })

function loops(events: readonly BootEvent[]): readonly string[] {
  const watch = new LoopWatch()
  for (const one of events) watch.note(one)
  return watch.due().map(({ detail }) => String(detail['file']))
}

describe('E11: more than three fetches of a loader in 120 s without a script request are a loop', () => {
  for (const [name, events, expected] of [
    ['three are none', [0, 30, 60].map((at) => fetched(at)), []],
    ['four are one', [0, 30, 60, 90].map((at) => fetched(at)), ['snponly.efi']],
    [
      'over HTTP as well',
      [0, 9, 18, 27].map((at) => event(at, 'http.done', { file: 'ipxe.efi' })),
      ['ipxe.efi'],
    ],
    ['four within more than 120 s', [0, 40, 80, 120].map((at) => fetched(at)), []],
    ['the window slides', [0, 40, 80, 120, 150].map((at) => fetched(at)), ['snponly.efi']],
    [
      'a script request ends the count',
      [fetched(0), fetched(10), fetched(20), event(25, 'http.script', { script: 'menu' }), fetched(30)],
      [],
    ],
    [
      "that somebody else reads the machine's script does not",
      [
        ...[fetched(0), fetched(10), fetched(20)],
        ...[event(25, 'http.script', { script: 'boot', standing: 'claimed' }), fetched(30)],
      ],
      ['snponly.efi'],
    ],
    [
      'another loader begins another count',
      [0, 9, 18].map((at) => fetched(at)).concat(fetched(27, 'ipxe.efi')),
      [],
    ],
    [
      'size probes are no fetches',
      [0, 1, 2, 3].map((at) => event(at, 'tftp.probe', { file: 'snponly.efi' })),
      [],
    ],
    ['kernels are no loaders', [0, 1, 2, 3].map((at) => event(at, 'http.done', { file: 'vmlinuz' })), []],
  ] as const)
    test(name, () => assert.deepEqual(loops(events), expected))
})

test('E11: the loop is told once, with what to do, and its loader is avoided for a day', () => {
  const watch = new LoopWatch()
  for (const at of [0, 10, 20, 30]) watch.note(fetched(at))
  const [loop, ...others] = watch.due()
  assert.ok(loop !== undefined && others.length === 0)
  assert.deepEqual(watch.due(), [])
  assert.deepEqual([loop.kind, loop.mac, loop.node, loop.time], ['boot.loop', NODE01, 'node01', NOW + 30_000])
  assert.equal(
    describeEvent(loop),
    'loop: again and again snponly.efi times=4 in 120 s (fetched without asking for a script; it gets another loader now, and loader: of node01 names one for good)',
  )
  const day = 24 * 3600_000
  assert.equal(watch.loaderOf(NODE01, NOW + 31_000), 'snponly.efi')
  assert.equal(watch.loaderOf(NODE02, NOW + 31_000), undefined)
  assert.equal(watch.loaderOf(NODE01, NOW + 30_000 + day), undefined)
})

test('E11: when the other loader loops too, the first has its turn again', () => {
  const watch = new LoopWatch()
  for (const at of [0, 10, 20, 30]) watch.note(fetched(at))
  for (const at of [40, 50, 60, 70]) watch.note(fetched(at, 'ipxe.efi'))
  assert.equal(watch.loaderOf(NODE01, NOW + 71_000), 'ipxe.efi')
  assert.equal(watch.due().length, 2)
})

test('of more machines than there is room for, the oldest are forgotten', () => {
  const watch = new LoopWatch()
  const mac = (i: number): typeof NODE01 =>
    `52:54:01:00:${[i >> 8, i & 255].map((octet) => octet.toString(16).padStart(2, '0')).join(':')}` as typeof NODE01
  for (let i = 0; i < 5000; i += 1) for (const at of [0, 1, 2, 3]) watch.note({ ...fetched(at), mac: mac(i) })
  const known = Array.from({ length: 5000 }, (_, i) => watch.loaderOf(mac(i), NOW)).filter(Boolean)
  assert.equal(known.length, 4096)
})

test('E11: four fetches on the timeline change the next OFFER, and the one after a day is as the first', async () => {
  const there = world()
  const { running: server, on } = running(there, new MemoryStore())
  server.timeline.follow((one) => server.loops.note(one))
  const client = macOf('52:54:00:12:34:56')
  const offered = async (): Promise<string | undefined> => {
    const reply = await answerDhcp(vector('P1').bytes, on, server)
    return reply === undefined ? undefined : bootFileName(reply.message)
  }
  assert.equal(await offered(), 'snponly.efi')
  for (const at of [0, 10, 20, 30]) server.timeline.emit({ ...fetched(at), mac: client })
  assert.equal(await offered(), 'ipxe.efi')
  there.after(25 * 3600_000)
  assert.equal(await offered(), 'snponly.efi')
})
