import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseMac } from '../lib/mac.ts'
import type { BootEvent, EventKind } from '../model/event.ts'
import { Board } from './board.ts'

const MAC = parseMac('52:54:00:77:00:01')
assert.ok(MAC !== undefined)
const NODE = { name: 'node01', mac: MAC, firmware: 'bios' }
const BEGUN = 1_795_407_965_000

/** An event of node01, `at` milliseconds after power-on. */
function event(at: number, kind: string, detail: BootEvent['detail'] = {}, address?: string): BootEvent {
  const known = kind as EventKind
  return {
    ...{ time: BEGUN + at, kind: known, mac: MAC as NonNullable<typeof MAC>, network: 'lan', detail },
    ...(address === undefined ? {} : { address }),
  }
}

const DISCOVER = (at: number, stage: string): BootEvent => event(at, 'dhcp.discover', { stage })
const SCRIPT = (at: number, script: string, more: BootEvent['detail'] = {}): BootEvent =>
  event(at, 'http.script', { script, form: 'ipxe', ...more })
const REPORT = (at: number, stage: string, more: BootEvent['detail'] = {}): BootEvent =>
  event(at, 'report', { stage, standing: 'verified', ...more })

/** What one machine goes through from ROM to service, as the lab's timelines show it. */
const BOOT: readonly (readonly [BootEvent, string])[] = [
  [DISCOVER(2000, 'rom'), 'DISCOVER'],
  [event(2002, 'dhcp.offer', { boot: 'undionly.kpxe' }, '10.77.0.11'), 'DISCOVER'],
  [event(2010, 'dhcp.ack', {}, '10.77.0.11'), 'DISCOVER'],
  [event(2100, 'tftp.start', { file: 'undionly.kpxe', size: 74_000, blksize: 1432 }), 'loader'],
  [event(2300, 'tftp.done', { file: 'undionly.kpxe', bytes: 74_000, ms: 200 }), 'loader'],
  [DISCOVER(3000, 'ipxe'), 'DISCOVER'],
  [SCRIPT(3500, 'identify'), 'script'],
  [SCRIPT(3600, 'boot', { profile: 'worker' }), 'script'],
  [event(3700, 'http.start', { file: 'bzImage', size: 8_000_000 }), 'kernel'],
  [event(4200, 'http.progress', { file: 'bzImage', sent: 4_000_000, size: 8_000_000 }), 'kernel'],
  [event(4700, 'http.done', { file: 'bzImage', sent: 8_000_000, ms: 1000 }), 'kernel'],
  [event(4800, 'http.start', { file: 'initrd.img', size: 2_000_000 }), 'initrd'],
  [event(4900, 'http.done', { file: 'initrd.img', sent: 2_000_000, ms: 100 }), 'starting Linux'],
  [DISCOVER(8000, 'os'), 'starting Linux'],
  [REPORT(8200, 'initrd'), 'starting Linux'],
  [REPORT(8400, 'in-service', { profile: 'worker' }), 'in service'],
]

function boardAfter(...events: readonly BootEvent[]): Board {
  const board = new Board()
  board.powerOn(NODE, BEGUN)
  for (const one of events) board.take(one)
  return board
}

function viewAfter(...events: readonly BootEvent[]): ReturnType<Board['views']>[number] {
  const [view] = boardAfter(...events).views(BEGUN + 100_000)
  assert.ok(view !== undefined)
  return view
}

/** "state, stage: reason, boot N". */
function shown(...events: readonly BootEvent[]): string {
  const { state, stage, reason, boots } = viewAfter(...events)
  return `${state}, ${stage}${reason === undefined ? '' : `: ${reason}`}, boot ${boots}`
}

const upTo = (stage: string): readonly BootEvent[] =>
  BOOT.slice(0, BOOT.findIndex(([, reached]) => reached === stage) + 1).map(([one]) => one)
const WHOLE = BOOT.map(([one]) => one)

test('the stage after each event of a boot', () => {
  const stages = BOOT.map((_, i) => viewAfter(...WHOLE.slice(0, i + 1)).stage)
  assert.deepEqual(
    stages,
    BOOT.map(([, stage]) => stage),
  )
  assert.equal(viewAfter().stage, 'power on')
})

test('the outcome of a whole boot: milestones since power-on, bytes, facts', () => {
  assert.deepEqual(boardAfter(...WHOLE).outcome(), [
    {
      ...NODE,
      ...{ network: 'lan', profile: 'worker', address: '10.77.0.11', state: 'in-service', boots: 1 },
      milliseconds: { offer: 2002, loader: 2300, script: 3500, kernel: 4700, initrd: 4900, inService: 8400 },
      bytes: 10_074_000,
    },
  ])
})

test('the table', () => {
  const board = boardAfter(...WHOLE)
  for (const [i, name] of ['node02', 'node03', 'node04'].entries())
    board.powerOn({ name, mac: `52:54:00:77:00:0${i + 2}`, firmware: 'uefi' }, BEGUN)
  const other = (mac: string, one: BootEvent): BootEvent => ({
    ...one,
    mac: parseMac(mac) as typeof NODE.mac,
  })
  board.take(other('52:54:00:77:00:02', SCRIPT(1500, 'local-disk')))
  board.fail('52:54:00:77:00:03', 'QEMU ended with 1')
  assert.equal(
    board.table(),
    `MACHINE  FIRMWARE  PROFILE  ADDRESS     OFFER  LOADER  SCRIPT  KERNEL  INITRD  BYTES    IN SERVICE
node01   bios      worker   10.77.0.11  2.0 s  2.3 s   3.5 s   4.7 s   4.9 s   10.1 MB  8.4 s
node02   uefi      -        -           -      -       1.5 s   -       -       0 B      local disk
node03   uefi      -        -           -      -       -       -       -       0 B      FAILED: QEMU ended with 1
node04   uefi      -        -           -      -       -       -       -       0 B      not in service`,
  )
})

describe('stages off the straight path', () => {
  const kernel404 = event(4000, 'boot.failed', {
    ...{ step: 'kernel', errno: '2d0c618e', see: 'https://ipxe.org/2d0c618e', url: 'http://10.77.0.1/k' },
  })
  const FAILED = 'failed, failed: kernel https://ipxe.org/2d0c618e http://10.77.0.1/k, boot 1'
  const scripted = WHOLE.slice(0, 8)
  const onDisk = [...scripted, SCRIPT(4000, 'local-disk', { reason: 'default' })]
  const rows: readonly (readonly [string, readonly BootEvent[], string])[] = [
    ['the menu', [...scripted, SCRIPT(4000, 'menu')], 'booting, menu, boot 1'],
    ['a page of the menu', [...scripted, SCRIPT(4000, 'info')], 'booting, menu, boot 1'],
    ['its question', [...scripted, SCRIPT(4000, 'confirm')], 'booting, menu, boot 1'],
    ['a failed step', [...scripted, kernel404], FAILED],
    ['the screen after it', [...scripted, kernel404, SCRIPT(4000, 'recovery')], FAILED],
    [
      'trying again after it',
      [...scripted, kernel404, SCRIPT(4000, 'recovery'), SCRIPT(9000, 'boot')],
      'booting, script, boot 1',
    ],
    [
      'DHCP again after it is the same boot',
      [...scripted, kernel404, DISCOVER(9000, 'ipxe')],
      'booting, DISCOVER, boot 1',
    ],
    [
      'a failed step after the last file, then DHCP again',
      [...upTo('starting Linux'), kernel404, DISCOVER(9000, 'ipxe')],
      'booting, DISCOVER, boot 1',
    ],
    ['power cycle after it', [...scripted, kernel404, DISCOVER(9000, 'rom')], 'booting, DISCOVER, boot 2'],
    [
      'a recovery that nothing explains',
      [...scripted, SCRIPT(4000, 'recovery')],
      'booting, recovery, boot 1',
    ],
    [
      'silence',
      [...scripted, event(60_000, 'boot.silent', { fetch: 'the kernel', seconds: 30 })],
      'booting, silent: never came for the kernel, boot 1',
    ],
    [
      'silence that ends',
      [...scripted, event(60_000, 'boot.silent', { fetch: 'the kernel', seconds: 30 }), ...WHOLE.slice(8, 9)],
      'booting, kernel, boot 1',
    ],
    ['the local disk', onDisk, 'local-disk, local disk, boot 1'],
    ['its system asks for an address', [...onDisk, DISCOVER(9000, 'os')], 'local-disk, local disk, boot 1'],
    [
      'its system fetches a file',
      [...onDisk, event(9000, 'http.start', { file: 'x', size: 9 })],
      'local-disk, local disk, boot 1',
    ],
    ['its system reports', [...onDisk, REPORT(9000, 'in-service')], 'in-service, in service, boot 1'],
    ['a rescue system reports', [...onDisk, REPORT(9000, 'rescue')], 'in-service, in service, boot 1'],
    ['its firmware starts over', [...onDisk, DISCOVER(9000, 'rom')], 'booting, DISCOVER, boot 2'],
    ['its iPXE ROM starts over', [...onDisk, DISCOVER(9000, 'ipxe')], 'booting, DISCOVER, boot 2'],
    [
      'firmware that repeats itself',
      [DISCOVER(1000, 'rom'), DISCOVER(5000, 'rom'), DISCOVER(9000, 'rom')],
      'booting, DISCOVER, boot 1',
    ],
    ['a disk that boots without us', [DISCOVER(9000, 'os')], 'booting, DISCOVER, boot 1'],
    ['installed', [...WHOLE.slice(0, -1), REPORT(9000, 'installed')], 'booting, installed, boot 1'],
    [
      'installed, started over, local disk',
      [
        ...WHOLE.slice(0, -1),
        REPORT(9000, 'installed'),
        DISCOVER(15_000, 'ipxe'),
        SCRIPT(16_000, 'local-disk'),
      ],
      'local-disk, local disk, boot 2',
    ],
    ['a reboot after service', [...WHOLE, DISCOVER(20_000, 'rom')], 'booting, DISCOVER, boot 2'],
    [
      'a running system that fetches files and scripts',
      [...WHOLE, SCRIPT(20_000, 'boot'), event(20_001, 'http.start', { file: 'bzImage', size: 9 })],
      'in-service, in service, boot 1',
    ],
    [
      'a reported failure',
      [...upTo('starting Linux'), REPORT(9000, 'failed', { detail: 'no disk' })],
      'failed, failed: no disk, boot 1',
    ],
    [
      'two initrds',
      [...upTo('starting Linux'), event(5000, 'http.start', { file: 'b' })],
      'booting, initrd, boot 1',
    ],
    [
      'a loader over HTTP',
      [DISCOVER(1000, 'rom'), event(1500, 'http.start', { file: 'ipxe.efi', size: 9 })],
      'booting, loader, boot 1',
    ],
  ]
  for (const [name, events, expected] of rows) test(name, () => assert.equal(shown(...events), expected))

  const claimed = { standing: 'claimed', because: 'asked from elsewhere' }
  for (const [name, one] of [
    ['a script', SCRIPT(9000, 'local-disk', claimed)],
    ['a failed step', event(9000, 'boot.failed', { step: 'kernel', ...claimed })],
    ['service', event(9000, 'report', { stage: 'in-service', ...claimed })],
  ] as const)
    test(`${name} that is only claimed changes nothing`, () =>
      assert.equal(shown(...scripted, one), shown(...scripted)))
})

describe('the end of the lab', () => {
  test('over when every machine is in service, failed or on its disk', () => {
    const board = boardAfter(...WHOLE.slice(0, -1))
    assert.deepEqual([board.isOver, board.allInService], [false, false])
    board.take(REPORT(9000, 'in-service'))
    assert.deepEqual([board.isOver, board.allInService], [true, true])
    board.powerOn({ name: 'node02', mac: 'x', firmware: 'bios' }, BEGUN)
    assert.deepEqual([board.isOver, board.allInService], [false, false])
    board.fail('x', 'QEMU ended')
    assert.deepEqual([board.isOver, board.allInService], [true, false])
    const onDisk = boardAfter(SCRIPT(1, 'local-disk'))
    assert.deepEqual([onDisk.isOver, onDisk.allInService], [true, false])
  })

  test('fail leaves service and local disk alone, keeps the first reason, names a silence', () => {
    const after = (...events: readonly BootEvent[]): readonly (string | undefined)[] => {
      const board = boardAfter(...events)
      board.fail(MAC, 'time is up', BEGUN + 100_000)
      return board.outcome().flatMap(({ state, reason }) => [state, reason])
    }
    assert.deepEqual(after(...WHOLE), ['in-service', undefined])
    assert.deepEqual(after(SCRIPT(1, 'local-disk')), ['local-disk', undefined])
    assert.deepEqual(after(event(1, 'boot.failed', { step: 'initrd' })), ['failed', 'initrd'])
    assert.deepEqual(after(event(1, 'boot.silent', { fetch: 'the kernel', seconds: 30 })), [
      ...['failed', 'time is up (silent: never came for the kernel)'],
    ])
  })

  test('what a machine that is gone sent before does not bring it back; a proven report does', () => {
    const board = boardAfter(...upTo('kernel'))
    board.fail(MAC, 'QEMU ended')
    for (const late of WHOLE.slice(9, -1)) board.take(late)
    assert.equal(board.outcome()[0]?.state, 'failed')
    board.take(REPORT(9000, 'in-service'))
    assert.deepEqual([board.outcome()[0]?.state, board.outcome()[0]?.reason], ['in-service', undefined])
  })
})

describe('the rate of a transfer', () => {
  const start = event(10_000, 'http.start', { file: 'k', size: 80_000_000 })
  const at = (time: number, megabytes: number): BootEvent =>
    event(time, 'http.progress', { file: 'k', sent: megabytes * 1e6, size: 80_000_000 })
  const transfer = (now: number, ...events: readonly BootEvent[]): unknown =>
    boardAfter(SCRIPT(1, 'boot'), start, ...events).views(BEGUN + now)[0]?.transfer
  const facts = (done: number): object => ({ file: 'k', done: done * 1e6, size: 80_000_000 })

  test('none until the first report', () => assert.deepEqual(transfer(10_100), facts(0)))

  test('over the last seconds, not from the start', () => {
    const slow = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => at(10_000 + n * 1000, n))
    assert.deepEqual(transfer(20_000, ...slow), { ...facts(10), rate: 1e6 })
    const fast = [1, 2, 3].map((n) => at(20_000 + n * 1000, 10 + 10 * n))
    assert.deepEqual(transfer(23_000, ...slow, ...fast), { ...facts(40), rate: 10e6 })
  })

  test('a transfer that reports every 10 s has a rate between its reports', () => {
    assert.deepEqual(transfer(38_000, at(20_000, 1), at(30_000, 3)), { ...facts(3), rate: 200_000 })
  })

  test('no rate is claimed when there is no news', () => {
    assert.deepEqual(transfer(17_500, at(11_000, 1), at(12_000, 2)), { ...facts(2), quietFor: 5500 })
    assert.deepEqual(transfer(16_500, at(11_000, 1), at(12_000, 2)), { ...facts(2), rate: 1e6 })
  })

  test('it goes away with the transfer', () => {
    const done = event(12_000, 'http.done', { file: 'k', sent: 80_000_000, ms: 2000 })
    const failed = event(12_000, 'http.failed', { file: 'k', sent: 1, size: 2, reason: 'closed' })
    assert.equal(transfer(12_000, at(11_000, 1), done), undefined)
    assert.equal(transfer(12_000, at(11_000, 1), failed), undefined)
  })
})

describe('lines of the timeline', () => {
  test('one an event; quarters of a slow transfer, each once, marked as progress', () => {
    const board = boardAfter(...upTo('script'))
    const events = [
      ...WHOLE.slice(8, 9),
      ...[1, 2, 3, 4, 5].map((n) =>
        event(3700 + n * 500, 'http.progress', { file: 'bzImage', sent: n * 1_200_000, size: 8_000_000 }),
      ),
      ...WHOLE.slice(10, 11),
    ]
    assert.deepEqual(
      events.map((one) => board.take(one)),
      [
        { kind: 'happening', text: '   3.7 s  node01     bios  HTTP bzImage 8.0 MB' },
        undefined,
        {
          kind: 'progress',
          text: '   4.7 s  node01     bios  [######..............] bzImage 2.4 MB of 8.0 MB',
        },
        undefined,
        {
          kind: 'progress',
          text: '   5.7 s  node01     bios  [############........] bzImage 4.8 MB of 8.0 MB',
        },
        {
          kind: 'progress',
          text: '   6.2 s  node01     bios  [###############.....] bzImage 6.0 MB of 8.0 MB',
        },
        {
          kind: 'happening',
          text: '   4.7 s  node01     bios  HTTP done bzImage 8.0 MB in 1.0 s (8.0 MB/s)',
        },
      ],
    )
  })

  test('events of others have none', () => {
    const stranger = { ...DISCOVER(1, 'rom'), mac: parseMac('02:00:00:00:00:09') as typeof NODE.mac }
    assert.equal(boardAfter().take(stranger), undefined)
    const { mac: _, ...nobody } = event(1, 'server.stopped')
    assert.equal(boardAfter().take(nobody), undefined)
  })

  test('control characters that got through are not shown', () => {
    const line = boardAfter().take(REPORT(1, 'failed', { detail: 'a\n\x1b[2Jb\x9bc\x7f' }))
    assert.equal(line?.text, '   0.0 s  node01     bios  report failed: a??[2Jb?c?')
  })
})
