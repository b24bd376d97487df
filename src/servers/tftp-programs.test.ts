import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { assertFile, LOOPBACK, PATIENCE, running } from '../../test/helpers/tftp-loopback.ts'

/** Where a program is, or undefined. */
function installed(program: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, program)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not here.
    }
  }
  return undefined
}

const INTEROP: readonly (readonly [
  program: string,
  name: string,
  args: (port: number, to: string) => readonly string[],
])[] = [
  ['curl', 'its own options', (port, to) => ['-sS', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`]],
  [
    'curl',
    'no options',
    (port, to) => ['-sS', '--tftp-no-options', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`],
  ],
  [
    'curl',
    'blksize 1468',
    (port, to) => ['-sS', '--tftp-blksize', '1468', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`],
  ],
  [
    'curl',
    'blksize 65464',
    (port, to) => ['-sS', '--tftp-blksize', '65464', '-o', to, `tftp://127.0.0.1:${port}/ipxe-x86_64.efi`],
  ],
  [
    'busybox',
    'blksize 1468',
    (port, to) => ['tftp', '-g', '-b', '1468', '-l', to, '-r', 'ipxe-x86_64.efi', LOOPBACK, `${port}`],
  ],
  [
    'atftp',
    'windowsize 16',
    (port, to) => [
      ...['--option', 'windowsize 16', '--option', 'blksize 1468', '-g', '-r', 'ipxe-x86_64.efi'],
      ...['-l', to, LOOPBACK, `${port}`],
    ],
  ],
  [
    'tftp',
    'tftp-hpa',
    (port, to) => ['-m', 'binary', LOOPBACK, `${port}`, '-c', 'get', 'ipxe-x86_64.efi', to],
  ],
]

for (const [program, name, args] of INTEROP) {
  const file = installed(program)
  const skip = file === undefined ? `${program} is not installed` : false
  test(`${program}, ${name}, reads the file`, { ...PATIENCE, skip }, async () => {
    await using server = await running()
    const folder = mkdtempSync(join(tmpdir(), 'tftp-'))
    try {
      const to = join(folder, 'got')
      await promisify(execFile)(file ?? program, args(server.port, to), { timeout: 8_000 })
      assertFile(readFileSync(to), 'ipxe-x86_64.efi')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
}

const curl = installed('curl')
test('curl says that a file is missing', {
  ...PATIENCE,
  skip: curl === undefined ? 'curl is not installed' : false,
}, async () => {
  await using server = await running()
  const url = `tftp://127.0.0.1:${server.port}/missing`
  // 68: TFTP file not found.
  await assert.rejects(promisify(execFile)(curl ?? 'curl', ['-sS', url], { timeout: 8_000 }), { code: 68 })
})
