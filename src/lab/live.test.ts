import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { FakeTerminal } from '../../test/helpers/terminal.ts'
import { parseMac } from '../lib/mac.ts'
import type { BootEvent } from '../model/event.ts'
import { Board } from './board.ts'
import { LiveRows, openPicture, restoreCursor } from './live.ts'
import type { MachineView } from './machine-progress.ts'
import { openRecording, type Recording } from './recording.ts'
import { renderRows } from './rows.ts'

const NOW = 1_795_407_965_000
const SHOW_CURSOR = '\x1b[?25h'

function machine(n: number, more: Partial<MachineView> = {}): MachineView {
  const name = `node${String(n).padStart(2, '0')}`
  return { name, firmware: 'bios', state: 'booting', stage: 'menu', poweredOn: NOW, boots: 1, ...more }
}

const HEADER = '    TIME  MACHINE    FW    STAGE           TRANSFER'
const row = (n: number, stage = 'menu', time = '   0 s'): string =>
  `  ${time}  node${String(n).padStart(2, '0')}     bios  ${stage}`

/** Rows on a terminal that a test can resize, with machines and a clock that it can change. */
class Scene {
  readonly terminal: FakeTerminal
  readonly live: LiveRows
  machines: readonly MachineView[]
  now = NOW

  constructor(columns: number, rows: number, machines: number, isColoured = false) {
    this.terminal = new FakeTerminal(columns, rows)
    this.machines = Array.from({ length: machines }, (_, i) => machine(i + 1))
    this.live = new LiveRows(this.terminal, {
      machines: () => this.machines,
      now: () => this.now,
      isColoured,
    })
  }

  /** Frames with two lines each. */
  say(...lines: readonly string[]): void {
    lines.forEach((line, i) => {
      this.live.line(line)
      if (i % 2 === 1) this.live.draw()
    })
    this.live.draw()
  }

  get everything(): readonly string[] {
    return [...this.terminal.scrollback, ...this.terminal.screen]
  }
}

const numbered = (count: number, from = 0): readonly string[] =>
  Array.from({ length: count }, (_, i) => `line ${from + i}`)

describe('rows below a timeline', () => {
  test('lines scroll by above the rows; each is there once, in order', () => {
    const scene = new Scene(80, 10, 2)
    scene.say(...numbered(3))
    assert.deepEqual(scene.terminal.screen, [...numbered(3), HEADER, row(1), row(2)])
    scene.say(...numbered(30, 3))
    assert.deepEqual(scene.everything, [...numbered(33), HEADER, row(1), row(2)])
    assert.equal(scene.terminal.scrollback.length, 26)
    assert.equal(scene.terminal.screen.length, 10)
  })

  test('a row that changes is written over, alone and in one write; nothing when nothing changes', () => {
    const scene = new Scene(80, 10, 3)
    scene.say('line')
    const before = scene.terminal.writes.length
    scene.live.draw()
    assert.equal(scene.terminal.writes.length, before)
    scene.machines = [machine(1), machine(2, { stage: 'script' }), machine(3)]
    scene.live.draw()
    assert.deepEqual(scene.terminal.writes.slice(before), [`\r\n\r\n\x1b[2K${row(2, 'script')}\r\n\x1b[3A\r`])
    assert.deepEqual(scene.terminal.screen, ['line', HEADER, row(1), row(2, 'script'), row(3)])
  })

  test('a shorter row leaves nothing of the longer one; fewer rows leave no row', () => {
    const scene = new Scene(80, 10, 3)
    scene.machines = [machine(1, { stage: 'starting Linux' }), machine(2)]
    scene.live.draw()
    scene.machines = [machine(1), machine(2)]
    scene.live.draw()
    assert.deepEqual(scene.terminal.screen, [HEADER, row(1), row(2)])
    scene.machines = [machine(2)]
    scene.live.draw()
    assert.deepEqual(scene.terminal.screen, [HEADER, row(2)])
  })

  test('time passes', () => {
    const scene = new Scene(80, 10, 1)
    scene.live.draw()
    scene.now += 61_900
    scene.live.draw()
    assert.deepEqual(scene.terminal.screen, [HEADER, row(1, 'menu', '  61 s')])
  })

  test('lines longer than the screen is wide wrap, and nothing of them is lost', () => {
    const scene = new Scene(30, 10, 1)
    const long = 'abcdefghij'.repeat(7)
    scene.say('short', long, 'after')
    assert.deepEqual(scene.terminal.screen, [
      ...['short', long.slice(0, 30), long.slice(30, 60), long.slice(60), 'after'],
      ...[HEADER.slice(0, 30).trimEnd(), row(1).slice(0, 30)],
    ])
    scene.say(...numbered(4))
    assert.equal(scene.everything.slice(1, 4).join(''), long)
  })

  test('rows exactly as wide as the screen', () => {
    const width = row(1).length
    const scene = new Scene(width, 10, 2)
    scene.say('x'.repeat(width), 'after')
    assert.deepEqual(scene.terminal.screen, [
      ...['x'.repeat(width), 'after', HEADER.slice(0, width).trimEnd(), row(1), row(2)],
    ])
    scene.machines = [machine(1), machine(2, { stage: 'kernel' })]
    scene.live.draw()
    assert.deepEqual(scene.terminal.screen.slice(-1), [row(2, 'kernel').slice(0, width)])
  })

  test('40 machines on 24 rows: what fits, the sum of the rest, and room for the timeline', () => {
    const scene = new Scene(80, 24, 0)
    scene.machines = Array.from({ length: 40 }, (_, i) =>
      machine(i + 1, i < 25 ? { state: 'in-service', stage: 'in service', settled: NOW } : {}),
    )
    scene.say(...numbered(100))
    const { screen, scrollback } = scene.terminal
    assert.deepEqual([...scrollback, ...screen.slice(0, 4)], numbered(100))
    assert.equal(screen.length, 24)
    assert.equal(screen[5], row(1, 'in service', ' 0.0 s'))
    assert.equal(screen[8], row(26))
    assert.equal(screen[22], row(40))
    assert.equal(screen[23], '... and 22 more: 22 in service')
  })

  test('a terminal that does not know its size', () => {
    const writes: string[] = []
    const out = { write: (text: string) => writes.push(text), columns: 0, rows: 0 }
    new LiveRows(out, { machines: () => [machine(1)], now: () => NOW, isColoured: false }).draw()
    assert.ok(writes[0]?.includes(row(1)))
  })

  test('colours end where they began', () => {
    const scene = new Scene(80, 10, 0, true)
    scene.machines = [machine(1, { state: 'in-service', stage: 'in service', settled: NOW })]
    scene.live.draw()
    assert.equal(scene.terminal.style, '')
    assert.ok(scene.terminal.writes.join('').includes('\x1b[32min service\x1b[m'))
  })
})

describe('a screen that changes its size', () => {
  const LONG = {
    stage: 'kernel',
    transfer: { file: 'vmlinuz-6.1.0-56-amd64', done: 1, size: 2, rate: 1e6 },
  } as const

  for (const how of ['cut', 'wrap'] as const)
    for (const [columns, rows] of [
      [50, 20],
      [40, 12],
      [30, 20],
      [150, 20],
      [120, 30],
      [120, 10],
      [51, 9],
    ] as const)
      test(`120x20 becomes ${columns}x${rows}, long lines ${how}`, () => {
        const scene = new Scene(120, 20, 0)
        scene.machines = [1, 2, 3].map((n) => machine(n, LONG))
        scene.say(...numbered(40))
        scene.terminal.resize(columns, rows, how)
        scene.live.draw()
        const size = { columns, rows }
        assert.deepEqual(scene.everything, [...numbered(40), ...renderRows(scene.machines, size, NOW)])
        scene.say(...numbered(5, 40))
        scene.machines = [machine(1), machine(2), machine(3)]
        scene.say('last')
        const block = [HEADER, row(1), row(2), row(3)].map((line) => line.slice(0, columns).trimEnd())
        assert.deepEqual(scene.everything, [...numbered(45), 'last', ...block])
      })

  test('narrower and wider again, step by step', () => {
    const scene = new Scene(120, 20, 0)
    scene.machines = [1, 2, 3].map((n) => machine(n, LONG))
    scene.say(...numbered(40))
    for (const columns of [100, 70, 35, 36, 60, 90, 130, 20, 120]) {
      scene.terminal.resize(columns, 20, 'wrap')
      scene.live.draw()
    }
    assert.deepEqual(scene.everything.slice(0, -3), [...numbered(40), HEADER])
  })
})

describe('the end', () => {
  test('hidden cursor while it draws; shown again below the rows, once', () => {
    const scene = new Scene(80, 10, 2)
    scene.say('line')
    assert.equal(scene.terminal.isCursorShown, false)
    scene.live.close()
    assert.equal(scene.terminal.isCursorShown, true)
    assert.deepEqual(scene.terminal.cursor, { row: 4, column: 0 })
    assert.deepEqual(scene.terminal.screen, ['line', HEADER, row(1), row(2)])
    const { length } = scene.terminal.writes
    scene.now += 5000
    scene.live.draw()
    scene.live.close()
    assert.equal(scene.terminal.writes.length, length)
  })

  test('at the bottom of the screen, too', () => {
    const scene = new Scene(80, 8, 2)
    scene.say(...numbered(20))
    scene.live.close()
    scene.terminal.write('prompt')
    assert.deepEqual(scene.everything, [...numbered(20), HEADER, row(1), row(2), 'prompt'])
  })

  test('lines that no frame has shown are not lost', () => {
    const scene = new Scene(80, 8, 1)
    scene.live.line('last words')
    scene.live.close()
    assert.deepEqual(scene.terminal.screen, ['last words', HEADER, row(1)])
  })

  test('rows that ended leave the lines alone, and what follows them', () => {
    const scene = new Scene(80, 8, 3)
    scene.say(...numbered(20))
    scene.live.endRows()
    scene.say('', 'table')
    scene.live.close()
    assert.deepEqual(scene.everything, [...numbered(20), '', 'table'])
    assert.equal(scene.terminal.isCursorShown, true)
  })

  test('nothing drawn, nothing to restore', () => {
    const scene = new Scene(80, 24, 0)
    scene.live.close()
    assert.deepEqual(scene.terminal.writes, [])
  })

  test('a process that exits in the middle shows the cursor', () => {
    const program = `
      import { Board } from ${JSON.stringify(join(import.meta.dirname, 'board.ts'))}
      import { openPicture } from ${JSON.stringify(join(import.meta.dirname, 'live.ts'))}
      const stdout = { isTTY: true, columns: 80, rows: 24, write: (text) => process.stdout.write(text) }
      const board = new Board()
      board.powerOn({ name: 'node01', mac: 'm', firmware: 'bios' }, Date.now())
      const picture = openPicture({ board, stdout, env: {} })
      picture.line('before the end')
      if (process.argv[1] === 'throw') throw new Error('a fault')
      process.exit(3)`
    for (const [how, code] of [
      ['exit', 3],
      ['throw', 1],
    ] as const) {
      const run = spawnSync(process.execPath, ['--input-type=module', '-e', program, how], {
        encoding: 'utf8',
      })
      assert.equal(run.status, code, run.stderr)
      assert.ok(run.stdout.includes('before the end\r\n'), run.stdout)
      assert.ok(run.stdout.endsWith(SHOW_CURSOR), run.stdout)
    }
  })

  test('the cursor of a process that was killed', () => {
    const terminal = new FakeTerminal(80, 24)
    terminal.isCursorShown = false
    terminal.isWrapping = false
    restoreCursor({ isTTY: true, write: (text) => terminal.write(text) })
    assert.deepEqual([terminal.isCursorShown, terminal.isWrapping], [true, true])
    restoreCursor({ isTTY: false, write: () => assert.fail('no terminal') })
  })
})

describe('a pause', () => {
  test('the terminal is left to somebody else; what happened meanwhile is shown afterwards', () => {
    const scene = new Scene(80, 24, 2)
    scene.say('before')
    scene.live.pause()
    assert.equal(scene.terminal.isCursorShown, true)
    scene.terminal.write('\x1b[7mlogin: root')
    const { length } = scene.terminal.writes
    scene.say('meanwhile')
    assert.equal(scene.terminal.writes.length, length)
    scene.live.resume()
    scene.live.resume()
    assert.equal(scene.terminal.style, '')
    assert.deepEqual(scene.terminal.screen, ['before', 'login: root', 'meanwhile', HEADER, row(1), row(2)])
    assert.equal(scene.terminal.isCursorShown, false)
  })

  test('that lasts until the end', () => {
    const scene = new Scene(80, 24, 1)
    scene.live.pause()
    scene.terminal.write('login:')
    scene.live.line('meanwhile')
    scene.live.close()
    assert.deepEqual(scene.terminal.screen, ['login:', 'meanwhile', HEADER, row(1)])
    assert.equal(scene.terminal.isCursorShown, true)
  })

  test('that is longer than what is kept', () => {
    const scene = new Scene(80, 24, 0)
    scene.live.pause()
    scene.say(...numbered(10_003))
    scene.live.resume()
    assert.deepEqual(scene.everything.slice(0, 3), ['', '... 3 lines are left out here', 'line 3'])
  })
})

describe('openPicture', () => {
  const MAC = parseMac('52:54:00:77:00:01')
  assert.ok(MAC !== undefined)
  const boot: readonly Omit<BootEvent, 'time' | 'mac'>[] = [
    { kind: 'dhcp.discover', detail: { stage: 'rom', arch: 'bios-x86' } },
    { kind: 'http.script', detail: { script: 'boot', form: 'ipxe', profile: 'worker' } },
    { kind: 'http.start', detail: { file: 'vmlinuz', size: 4_000_000 } },
    { kind: 'http.progress', detail: { file: 'vmlinuz', sent: 1_000_000, size: 4_000_000 } },
    { kind: 'http.progress', detail: { file: 'vmlinuz', sent: 1_100_000, size: 4_000_000 } },
  ]
  const LINES = [
    '   1.0 s  node01     bios  DISCOVER rom bios-x86',
    '   2.0 s  node01     bios  script boot worker',
    '   3.0 s  node01     bios  HTTP vmlinuz 4.0 MB',
    '   4.0 s  node01     bios  [#####...............] vmlinuz 1.0 MB of 4.0 MB',
  ]
  const ROW = '     5 s  node01     bios  kernel          [######..............]  27% 550.0 kB/s vmlinuz'

  interface Run {
    readonly isTTY: boolean
    readonly env?: NodeJS.ProcessEnv
    readonly record?: string
  }

  function recordingOf(file: string): Recording {
    const opened = openRecording(file, () => NOW)
    assert.ok(opened.ok)
    return opened.value
  }

  /** One boot shown from begin to end, the rows as they are in the middle. */
  function show({ isTTY, env = {}, record: file }: Run): { terminal: FakeTerminal; text: string } {
    const record = file === undefined ? undefined : recordingOf(file)
    const terminal = new FakeTerminal(100, 24)
    const stdout = {
      isTTY,
      columns: 100,
      rows: 24,
      hasColors: () => true,
      write: (s: string) => terminal.write(s),
    }
    const board = new Board()
    const picture = openPicture({ board, stdout, record, now: () => NOW + 5000, env })
    board.powerOn({ name: 'node01', mac: String(MAC), firmware: 'bios' }, NOW)
    for (const [i, event] of boot.entries())
      picture.take({ ...event, mac: MAC as NonNullable<typeof MAC>, time: NOW + 1000 * (i + 1) })
    picture.line('a line\nis one\x1b[2J')
    picture.close()
    picture.close()
    return { terminal, text: terminal.writes.join('') }
  }

  test('piped: plain lines as they happen, quarters among them', () => {
    const expected = [...LINES, 'a line?is one?[2J'].map((line) => `${line}\n`)
    assert.deepEqual(show({ isTTY: false }).terminal.writes, expected)
    assert.deepEqual(show({ isTTY: true, env: { TERM: 'dumb' } }).terminal.writes, expected)
  })

  test('on a terminal: the row shows what the quarters would say', () => {
    const { terminal } = show({ isTTY: true })
    assert.deepEqual(terminal.screen, [...LINES.slice(0, 3), 'a line?is one?[2J', HEADER, ROW])
  })

  test('a plain recording has what a pipe would have, whatever standard output is', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'centra-live-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'run.txt')
    show({ isTTY: true, record: file })
    assert.equal(readFileSync(file, 'utf8'), show({ isTTY: false }).text)
  })

  test('a cast shows a terminal of 100 x 30, also when standard output is a pipe', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'centra-live-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'run.cast')
    assert.equal(show({ isTTY: false, record: file }).text, show({ isTTY: false }).text)
    const [header, ...events] = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const screen = new FakeTerminal(header.width, header.height)
    for (const [, code, text] of events) {
      assert.equal(code, 'o')
      screen.write(text)
    }
    assert.deepEqual(screen.screen, [...LINES.slice(0, 3), 'a line?is one?[2J', HEADER, ROW])
    assert.equal(screen.isCursorShown, true)
  })

  test('colours when the terminal has them and NO_COLOR is unset or empty', () => {
    const isColoured = (env: NodeJS.ProcessEnv, hasColors: boolean): boolean => {
      const board = new Board()
      board.powerOn({ name: 'node01', mac: 'm', firmware: 'bios' }, NOW)
      board.fail('m', 'reason')
      let text = ''
      const write = (more: string): void => {
        text += more
      }
      const stdout = { isTTY: true, columns: 80, rows: 24, hasColors: () => hasColors, write }
      openPicture({ board, stdout, now: () => NOW, env }).close()
      assert.ok(text.includes('failed: reason'))
      return text.includes('\x1b[31m')
    }
    assert.deepEqual(
      [
        isColoured({}, true),
        isColoured({ NO_COLOR: '' }, true),
        isColoured({ NO_COLOR: '1' }, true),
        isColoured({}, false),
      ],
      [true, true, false, false],
    )
  })
})
