import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { explainFailure } from '../src/boot/failure.ts'
import { Board } from '../src/lab/board.ts'
import type { BootEvent } from '../src/model/event.ts'
import { type CapturedPacket, readPcap } from '../src/protocol/pcap.ts'
import { fieldsOf } from './helpers/annotated-packet.ts'
import { screensOf } from './helpers/serial-screen.ts'

/**
 * docs/boot-story.md and docs/lab.md say what is so. A block of the story is checked by the words after its fence:
 *   text packet N, T s     lines "offset  bytes  note", each a field of packet N of the capture, T seconds after power-on
 *   http packet N, T s     the HTTP message of that packet; a last line "..." stands for the rest
 *   ipxe packet N          the script in that packet, which is also the one rendered today; the same
 *   text explain FLAGS     what `explain` prints for node02 of the lab's example; UPDATE_GOLDEN=1 writes it anew
 *   text timeline          lines of the lab's timeline
 *   text screen NAME       lines of the screen that NAME.serial shows on 80 columns
 */
const ROOT = join(import.meta.dirname, '..')
const STORY = readFileSync(join(ROOT, 'docs/boot-story.md'), 'utf8')
const LAB = readFileSync(join(ROOT, 'docs/lab.md'), 'utf8')
const FIXTURES = join(ROOT, 'test/fixtures/story')
/** Milliseconds since 1970: when the machine of the capture was switched on, as the lab's timeline counts. */
const POWER_ON = 1_795_418_632_650

interface Block {
  readonly info: string
  readonly lines: readonly string[]
}

function blocksOf(kind: RegExp): readonly Block[] {
  return [...STORY.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].flatMap(([, info = '', body = '']) =>
    kind.test(info) ? [{ info, lines: body.split('\n').slice(0, -1) }] : [],
  )
}

function packets(): readonly CapturedPacket[] {
  const capture = readPcap(readFileSync(join(FIXTURES, 'node02-uefi.pcap')))
  assert.ok(capture.ok)
  return capture.value.packets
}

function packetOf({ info }: Block): CapturedPacket {
  const [, number, seconds] = /^\w+ packet (\d+)(?:, (\d+\.\d{3}) s)?$/.exec(info) ?? []
  const packet = packets()[Number(number) - 1]
  assert.ok(packet, `there is no packet for "${info}"`)
  if (seconds !== undefined)
    assert.equal(seconds, ((packet.timeMicros / 1000 - POWER_ON) / 1000).toFixed(3), info)
  return packet
}

/** The payload of a TCP segment over IPv4 without options. */
function tcpText({ bytes }: CapturedPacket): string {
  const offset = 14 + 20 + ((bytes[46] ?? 0) >> 4) * 4
  return Buffer.from(bytes.subarray(offset)).toString('latin1')
}

/** `...` as the last line of a block stands for the rest. */
function assertShows(shown: readonly string[], text: string, where: string): void {
  if (shown.at(-1) === '...')
    assert.equal(text.slice(0, shown.slice(0, -1).join('\n').length), shown.slice(0, -1).join('\n'), where)
  else assert.equal(text, shown.join('\n'), where)
}

function scriptOf(block: Block): string {
  return tcpText(packetOf(block)).split('\r\n\r\n').slice(1).join('\r\n\r\n').trimEnd()
}

/** What the program prints in a folder with an example as `centra-pxe.yaml` and small stand-ins for its files. */
function centra(example: string, ...args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'centra-story-'))
  const config = readFileSync(join(ROOT, 'examples', example, 'centra-pxe.yaml'), 'utf8')
  // On the same line, so that the line numbers stay.
  const stateDir = '\n  stateDir: ./state\n  boot: { http: 8080 }\n'
  const local = '\n  { stateDir: ./state, firmware: ./firmware,\n  boot: { http: 8080 } }\n'
  writeFileSync(join(folder, 'centra-pxe.yaml'), config.replace(stateDir, local))
  for (const file of [
    ...['images/vmlinuz', 'images/initrd.img'],
    ...['firmware/undionly.kpxe', 'firmware/snponly.efi'],
  ]) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    writeFileSync(join(folder, file), file)
  }
  const main = join(ROOT, 'src/main.ts')
  const all = [main, ...args, '--config', 'centra-pxe.yaml']
  const ran = spawnSync(process.execPath, all, { cwd: folder, encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  return ran.stdout.replaceAll(`${folder}/firmware/`, '/usr/lib/ipxe/').replaceAll(`${folder}/`, '').trimEnd()
}

function explainNode02(...flags: readonly string[]): string {
  return centra('lab', 'explain', '--mac', '52:54:00:77:00:02', '--arch', 'uefi-x64', ...flags)
}

describe('docs/boot-story.md', () => {
  test('every dump is in the capture, byte for byte, and means what is written beside it', () => {
    const blocks = blocksOf(/^text packet /)
    assert.ok(blocks.length >= 12)
    for (const block of blocks) {
      const fields = fieldsOf(packetOf(block).bytes)
      assert.ok(block.lines.length > 0)
      for (const line of block.lines) {
        const [, at = '', hex = '', cut, note = ''] =
          /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ?)+?)( ?\.\.\.)? {2,}(\S.*)$/.exec(line) ?? []
        const field = fields.find((one) => one.at === Number.parseInt(at, 16))
        assert.ok(field, `${block.info}: nothing begins at the offset of: ${line}`)
        const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
        const expected = cut === undefined ? field.bytes : field.bytes.subarray(0, bytes.length)
        assert.deepEqual(bytes, Buffer.from(expected), `${block.info}: ${line}`)
        if (note.endsWith(' ...'))
          assert.ok(field.note.startsWith(note.slice(0, -4)), `${note}: ${field.note}`)
        else assert.equal(note, field.note, block.info)
      }
    }
  })

  test('every HTTP message is in the capture', () => {
    const blocks = blocksOf(/^http packet /)
    assert.ok(blocks.length >= 4)
    for (const block of blocks)
      assertShows(block.lines, tcpText(packetOf(block)).replaceAll('\r\n', '\n').trimEnd(), block.info)
  })

  test('every script is in the capture', () => {
    const [identify, boot, ...others] = blocksOf(/^ipxe packet /)
    assert.ok(identify && boot && others.length === 0)
    assertShows(identify.lines, scriptOf(identify), identify.info)
    assertShows(boot.lines, scriptOf(boot), boot.info)
  })

  test('every explanation is what the program prints', () => {
    const blocks = blocksOf(/^text explain/)
    assert.ok(blocks.length >= 4)
    let text = STORY
    for (const { info, lines } of blocks) {
      const printed = explainNode02(...info.split(' ').slice(2))
      if (process.env['UPDATE_GOLDEN'] === '1') text = text.replace(lines.join('\n'), () => printed)
      else assert.equal(lines.join('\n'), printed, info)
    }
    if (text !== STORY) writeFileSync(join(ROOT, 'docs/boot-story.md'), text)
  })

  test('every line of the timeline is what the lab showed', () => {
    const board = new Board()
    const mac = '52:54:00:77:00:02'
    board.powerOn({ name: 'node02', mac, firmware: 'uefi' }, POWER_ON)
    const events = readFileSync(join(FIXTURES, 'node02-uefi.ndjson'), 'utf8').trimEnd().split('\n')
    const shown = events.map((line) => board.take(JSON.parse(line) as BootEvent)?.text)
    const blocks = blocksOf(/^text timeline$/)
    assert.ok(blocks.length > 0)
    for (const { lines } of blocks)
      for (const line of lines) assert.ok(shown.includes(line), `not on the timeline: ${line}`)
  })

  test('every screen is what the serial console showed', () => {
    const blocks = blocksOf(/^text screen /)
    assert.deepEqual(
      new Set(blocks.map(({ info }) => info.split(' ').at(-1))),
      new Set(['menu-bios', 'node02-uefi', 'recovery-uefi']),
    )
    for (const { info, lines } of blocks) {
      const log = readFileSync(join(FIXTURES, `${info.split(' ').at(-1)}.serial`), 'latin1')
      const wanted = lines.join('\n').trim()
      assert.ok(
        screensOf(log).some((screen) => screen.includes(wanted)),
        `${info}: not on the screen:\n${wanted}`,
      )
    }
  })

  test('the menu and the screen of a failure say what the program says today', () => {
    const shown = (name: string): readonly string[] =>
      blocksOf(new RegExp(`^text screen ${name}$`)).flatMap(({ lines }) =>
        lines.map((line) => line.replace(/\(\d+\)$/, '').trim()).filter((line) => line !== ''),
      )
    const menu = centra('three-nodes', 'explain', '--mac', '52:54:00:1a:b0:01', '--script').split('\n')
    for (const line of shown('menu-bios'))
      assert.ok(
        menu.some((command) => command.endsWith(` ${line}`)),
        `not in the menu: ${line}`,
      )
    const failure = shown('recovery-uefi').join(' ')
    const { lines } = explainFailure({ step: 'kernel', errno: '2e008081' })
    for (const line of lines) assert.ok(failure.includes(line), `not on the screen: ${line}`)
  })

  test('no block goes unchecked, and every file of the source that is named is there', () => {
    const kinds = /^(text (packet|explain|timeline|screen)|http packet|ipxe packet|console$)/
    for (const [, info = ''] of STORY.matchAll(/^```(\S.*)$/gm)) assert.match(info, kinds)
    const files = [...STORY.matchAll(/`((?:src|test|examples)\/[\w./-]+)`/g)].map(([, file = '']) => file)
    assert.ok(files.length >= 10)
    for (const file of files) assert.ok(existsSync(join(ROOT, file)), file)
    const functions = [...STORY.matchAll(/`(\w+)`\s+in\s+`(src\/[\w./-]+)`/g)]
    assert.ok(functions.length >= 4)
    for (const [all, name = '', file = ''] of functions)
      assert.ok(readFileSync(join(ROOT, file), 'utf8').includes(`function ${name}(`), all)
  })
})

test('docs/lab.md names every flag of the lab, and none that it does not have', () => {
  const ran = spawnSync(process.execPath, [join(ROOT, 'src/main.ts'), 'lab', '--help'], { encoding: 'utf8' })
  const flagsIn = (text: string): readonly string[] =>
    [...new Set([...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag))].sort()
  const help = flagsIn(ran.stdout).filter((flag) => flag !== '--help')
  assert.ok(help.length >= 17)
  assert.deepEqual(
    flagsIn(LAB).filter((flag) => flag !== '--help'),
    help,
  )
})
