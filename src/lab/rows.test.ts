import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeTerminal } from '../../test/helpers/terminal.ts'
import type { MachineView } from './machine-progress.ts'
import { renderRows } from './rows.ts'

const NOW = 1_795_407_965_000
const NODE: MachineView = {
  ...{ name: 'node01', firmware: 'bios', state: 'booting', stage: 'power on', poweredOn: NOW, boots: 1 },
}

const MACHINES: readonly MachineView[] = [
  {
    ...{ ...NODE, stage: 'kernel', poweredOn: NOW - 12_900 },
    transfer: { file: 'vmlinuz', done: 5_200_000, size: 8_247_232, rate: 12_345_678 },
  },
  {
    ...{ ...NODE, name: 'node02', firmware: 'uefi', stage: 'loader', poweredOn: NOW - 4000, boots: 2 },
    transfer: { file: 'snponly.efi', done: 0, size: 173_792 },
  },
  {
    ...{ ...NODE, name: 'node03', stage: 'initrd', poweredOn: NOW - 99_000 },
    transfer: { file: 'initrd.img', done: 2_665_272, size: 2_665_272, quietFor: 12_400 },
  },
  {
    ...{ ...NODE, name: 'node04', state: 'in-service', stage: 'in service', poweredOn: NOW - 99_000 },
    ...{ settled: NOW - 70_400, profile: 'worker', address: '10.77.0.14', boots: 2 },
  },
  {
    ...{ ...NODE, name: 'node05', state: 'failed', stage: 'failed', poweredOn: NOW - 99_000 },
    ...{ settled: NOW - 90_000, reason: 'kernel https://ipxe.org/2d0c618e' },
    ...{ profile: 'worker', address: '10.77.0.15' },
  },
  { ...NODE, name: 'node06', stage: 'silent', reason: 'waits for initrd', poweredOn: NOW - 61_000 },
  {
    ...{ ...NODE, name: 'node07', state: 'local-disk', stage: 'local disk', address: '10.77.0.17' },
    ...{ poweredOn: NOW - 99_000, settled: NOW - 89_000 },
  },
  { ...NODE, name: 'node08', poweredOn: NOW + 500 },
]

const show = (columns: number, rows = 24): string => renderRows(MACHINES, { columns, rows }, NOW).join('\n')

describe('every stage, at several widths', () => {
  test('120 columns', () =>
    assert.equal(
      show(120),
      `    TIME  MACHINE    FW    STAGE           TRANSFER
    12 s  node01     bios  kernel          [#############.......]  63%  12.3 MB/s vmlinuz
     4 s  node02     uefi  loader          [....................]   0%            boot 2 snponly.efi
    99 s  node03     bios  initrd          [####################] 100% quiet 12 s initrd.img
  28.6 s  node04     bios  in service      boot 2 worker 10.77.0.14
   9.0 s  node05     bios  failed: kernel https://ipxe.org/2d0c618e
    61 s  node06     bios  silent: waits for initrd
  10.0 s  node07     bios  local disk      10.77.0.17
     0 s  node08     bios  power on`,
    ))

  test('80 columns', () =>
    assert.equal(
      show(80),
      `    TIME  MACHINE    FW    STAGE           TRANSFER
    12 s  node01     bios  kernel          [###..]  63%  12.3 MB/s vmlinuz
     4 s  node02     uefi  loader          [.....]   0%            boot 2 snponl
    99 s  node03     bios  initrd          [#####] 100% quiet 12 s initrd.img
  28.6 s  node04     bios  in service      boot 2 worker 10.77.0.14
   9.0 s  node05     bios  failed: kernel https://ipxe.org/2d0c618e
    61 s  node06     bios  silent: waits for initrd
  10.0 s  node07     bios  local disk      10.77.0.17
     0 s  node08     bios  power on`,
    ))

  test('40 columns: what comes first stays', () =>
    assert.equal(
      show(40),
      `    TIME  MACHINE    FW    STAGE
    12 s  node01     bios  kernel
     4 s  node02     uefi  loader
    99 s  node03     bios  initrd
  28.6 s  node04     bios  in service
   9.0 s  node05     bios  failed: kerne
    61 s  node06     bios  silent: waits
  10.0 s  node07     bios  local disk
     0 s  node08     bios  power on`,
    ))

  test('no width and no height makes a row too long or the block too high', () => {
    for (let columns = 1; columns < 150; columns += 1)
      for (const rows of [1, 2, 3, 5, 7, 8, 12, 13, 40]) {
        const shown = renderRows(MACHINES, { columns, rows }, NOW)
        assert.ok(shown.every((row) => row.length <= columns))
        assert.ok(shown.length >= 1 && shown.length <= Math.max(1, rows - 4), `${columns}x${rows}`)
      }
  })
})

describe('more machines than rows', () => {
  const views = (states: string): readonly MachineView[] =>
    Array.from(states, (letter, i) => ({
      ...{ ...NODE, name: `node${i}` },
      ...(letter === 's' ? ({ state: 'in-service', stage: 'in service', settled: NOW } as const) : {}),
      ...(letter === 'f' ? ({ state: 'failed', stage: 'failed', settled: NOW } as const) : {}),
      ...(letter === 'l' ? ({ state: 'local-disk', stage: 'local disk', settled: NOW } as const) : {}),
    }))
  const names = (states: string, rows: number): readonly (string | undefined)[] =>
    renderRows(views(states), { columns: 80, rows }, NOW).map(
      (row) => /node\d+|\.\.\. .*|\d+ machines: .*/.exec(row)?.[0],
    )

  test('machines that are through make way; order and sums stay', () => {
    assert.deepEqual(names('sbsbfbls', 9), [
      undefined,
      ...['node1', 'node3', 'node4', '... and 5 more: 3 in service, 1 booting, 1 on the local disk'],
    ])
    assert.deepEqual(names('sbs', 8), [undefined, 'node0', 'node1', 'node2'])
    assert.deepEqual(names('ssfs', 8), [undefined, 'node0', 'node2', '... and 2 more: 2 in service'])
  })

  test('a screen for one row has the sums alone', () => {
    assert.deepEqual(names('sbbf', 3), ['4 machines: 1 in service, 2 booting, 1 failed'])
    assert.deepEqual(names('b', 1), ['node0'])
  })
})

test('no machine, no row', () => assert.deepEqual(renderRows([], { columns: 80, rows: 24 }, NOW), []))

test('long names get room, up to a limit', () => {
  const rows = renderRows([{ ...NODE, name: 'a'.repeat(60) }], { columns: 80, rows: 24 }, NOW)
  assert.equal(rows[1], `     0 s  ${'a'.repeat(24)} bios  power on`)
})

describe('colours', () => {
  const painted = (columns: number): readonly string[] =>
    renderRows(MACHINES, { columns, rows: 24 }, NOW, true)

  test('the stage alone, and only where it needs somebody or is the end', () => {
    assert.equal(
      painted(120)[4],
      '  28.6 s  node04     bios  \x1b[32min service\x1b[m      boot 2 worker 10.77.0.14',
    )
    assert.equal(painted(120)[6], '    61 s  node06     bios  \x1b[33msilent: waits for initrd\x1b[m')
    assert.equal(painted(120)[8], '     0 s  node08     bios  power on')
  })

  test('nothing but the colour differs, at any width', () => {
    for (let columns = 8; columns < 100; columns += 1) {
      const terminal = new FakeTerminal(columns, 24)
      for (const row of painted(columns)) {
        terminal.write(`${row}\r\n`)
        assert.equal(terminal.style, '')
      }
      assert.equal(terminal.screen.join('\n'), show(columns))
    }
  })
})

test('text from machines cannot move the cursor', () => {
  const evil = { ...NODE, name: 'n\x1b[2J', stage: 'failed', reason: 'a\nb\x9b2Jc', state: 'failed' } as const
  const rows = renderRows([evil], { columns: 80, rows: 24 }, NOW)
  assert.equal(rows[1], '     0 s  n?[2J      bios  failed: a?b?2Jc')
})
