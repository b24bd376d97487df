import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { findProgram } from './packages.ts'

const busybox = findProgram('busybox')
const skip = busybox === undefined && 'no busybox'
const folder = mkdtempSync(join(tmpdir(), 'centra-install-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const source = readFileSync(join(import.meta.dirname, 'payload', 'install.sh'), 'utf8')

describe("the shell functions of the payload's installation", { skip }, () => {
  test('grub.cfg boots at once, talks on the serial port, and has the command line word by word', () => {
    const { stdout, status } = shell(
      'grub_config "$@"',
      'console=ttyS0,115200',
      'centra.report=http://h/a?b&c=$d;e',
    )
    assert.equal(status, 0)
    assert.equal(
      stdout,
      [
        'serial --unit=0 --speed=115200',
        'terminal_input serial console',
        'terminal_output serial console',
        'set timeout=0',
        "menuentry 'Centra PXE payload' {",
        "  linux /vmlinuz 'console=ttyS0,115200' 'centra.report=http://h/a?b&c=$d;e'",
        '  initrd /initrd.img',
        '}',
        '',
      ].join('\n'),
    )
  })

  for (const bad of ["a'b", 'a"b', 'a\\b', 'a b', 'a\tb', 'a\nb', 'a\u007f', 'é']) {
    test(`${JSON.stringify(bad)} is refused: GRUB would not pass it on as it is`, () => {
      const { stdout, stderr, status } = shell('grub_config "$@"', 'console=ttyS0', `centra.profile=${bad}`)
      assert.equal(status, 1)
      assert.equal(stdout, '')
      assert.match(stderr, /^centra: cannot be written to grub\.cfg: centra\.profile=/)
    })
  }

  for (const word of ['a', '$x', '`id`', '{}', '#', '*', '!', '~', '%s', '-n']) {
    test(`the word ${word} is kept`, () => {
      assert.equal(shell('grub_word "$1"', word).stdout, `'${word}'`)
    })
  }

  test('the command line of the disk: this boot, without centra.install', () => {
    const facts = 'mac=52:54:00:77:0a:01 profile=worker report_url=http://10.77.0.1:8080/r nonce=00ff'
    assert.deepEqual(shell(`${facts}; disk_arguments`).stdout.split('\n'), [
      ...['console=ttyS0,115200', 'centra.from=disk', 'BOOTIF=01-52-54-00-77-0a-01'],
      ...['centra.profile=worker', 'centra.report=http://10.77.0.1:8080/r', 'centra.nonce=00ff', ''],
    ])
    assert.deepEqual(
      shell('mac=52:54:00:77:0a:01 profile= report_url= nonce=; disk_arguments').stdout.split('\n'),
      [...['console=ttyS0,115200', 'centra.from=disk', 'BOOTIF=01-52-54-00-77-0a-01', '']],
    )
  })

  for (const name of ['vmlinuz', 'initrd.img', 'vmlinuz-6.1.0-30_amd64']) {
    test(`${name} can be the name of a file`, () => {
      assert.equal(shell('is_file_name "$1"', name).status, 0)
    })
  }

  for (const name of ['', '.', '..', '.hidden', 'a/b', '../vmlinuz', 'a b', 'a?b', 'a%2fb', '$a', "a'b"]) {
    test(`${JSON.stringify(name)} cannot`, () => {
      assert.equal(shell('is_file_name "$1"', name).status, 1)
    })
  }

  const MIB = 1024 * 1024
  const used = new Uint8Array(MIB)
  used[MIB - 1] = 1
  for (const [what, bytes, status] of [
    ['zeros', new Uint8Array(2 * MIB), 0],
    ['zeros and something after the first MiB', Buffer.concat([new Uint8Array(MIB), Buffer.from('x')]), 0],
    ['something in the last byte of the first MiB', used, 1],
    ['less than a MiB', new Uint8Array(MIB - 1), 1],
  ] as const) {
    test(`a disk of ${what} is ${status === 0 ? 'blank' : 'not blank'}`, () => {
      const path = join(folder, 'disk')
      writeFileSync(path, bytes)
      assert.equal(shell('is_blank "$1"', path).status, status)
    })
  }

  test('a disk that cannot be read is not blank', () => {
    assert.notEqual(shell('is_blank "$1"', join(folder, 'none')).status, 0)
  })

  test('a plain file is no disk', () => {
    writeFileSync(join(folder, 'vda'), '')
    const { stdout, status } = shell('first_disk "$1"', folder)
    assert.deepEqual([stdout, status], ['', 1])
  })

  test('the length that a server named last counts', () => {
    const headers =
      '  HTTP/1.1 302 Found\r\n  Content-Length: 5\r\n  HTTP/1.1 200 OK\r\n  content-length: 8232640\r\n'
    assert.equal(shell('content_length', { input: headers }).stdout, '8232640\n')
    assert.equal(shell('content_length', { input: '  HTTP/1.1 200 OK\r\n' }).stdout, '')
  })
})

interface ShellInput {
  readonly input: string
}

function shell(script: string, ...args: readonly (string | ShellInput)[]): ReturnType<typeof spawnText> {
  const words = args.filter((arg) => typeof arg === 'string')
  const stdin = args.find((arg) => typeof arg !== 'string')
  return spawnText(`say() { echo "centra: $*"; }\n${source}\n${script}`, words, stdin?.input ?? '')
}

function spawnText(
  script: string,
  words: readonly string[],
  input: string,
): { readonly stdout: string; readonly stderr: string; readonly status: number | null } {
  const { stdout, stderr, status } = spawnSync(busybox ?? '', ['sh', '-c', script, 'sh', ...words], {
    encoding: 'utf8',
    input,
  })
  return { stdout, stderr, status }
}
