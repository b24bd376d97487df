import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { installFiles } from '../firmware/manifest.ts'

const MAIN = join(import.meta.dirname, '../main.ts')
const root = mkdtempSync(join(tmpdir(), 'centra-firmware-cli-'))
after(() => rmSync(root, { recursive: true, force: true }))

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function firmware(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'firmware', ...args], {
    encoding: 'utf8',
    // No apt here: this test must not depend on a mirror.
    env: { ...process.env, PATH: root },
  })
  return { code: status, stdout, stderr }
}

/** A PE header of this machine type, and nothing else. */
function program(machine: number): Uint8Array {
  const data = Buffer.alloc(256)
  data.write('MZ', 0, 'latin1')
  data.writeUInt32LE(128, 60)
  data.write('PE\0\0', 128, 'latin1')
  data.writeUInt16LE(machine, 132)
  return data
}

test('list and verify: what serves whom, and whether it is what was fetched', async () => {
  const stateDir = join(root, 'state')
  const folder = join(stateDir, 'firmware')
  const config = join(root, 'c.yaml')
  writeFileSync(config, `version: 1\nserver: { stateDir: ${stateDir}, firmware: [${folder}] }\n`)
  assert.deepEqual(firmware('list', '--config', config), {
    ...{ code: 0, stdout: '' },
    stderr: `no loader is in ${folder}: centra-pxe firmware fetch brings them\n`,
  })
  assert.deepEqual(firmware('verify', '--config', config).code, 0)
  const from = { package: 'ipxe', version: '2.0', suite: 'sid' }
  await installFiles(folder, [
    { ...from, file: 'ipxe-arm64.efi', data: program(0xaa64) },
    { ...from, file: 'ipxe-riscv64.efi', data: program(0x8664) },
  ])
  assert.deepEqual(firmware('verify', '--state-dir', stateDir), {
    ...{ code: 0, stdout: '' },
    stderr: `2 loaders in ${folder} are what was fetched\n`,
  })
  writeFileSync(join(folder, 'snponly.efi'), program(0x8664))
  writeFileSync(join(folder, 'ipxe-arm64.efi'), 'x')
  const rows = firmware('list', '--config', config).stdout.trimEnd().split('\n')
  assert.deepEqual(
    rows.map((row) => row.split(/ {2,}/).slice(0, -1).join('|')),
    [
      'FILE|SIZE|FROM|CHECKSUM|SERVES',
      'snponly.efi|256 B|-|-|uefi-x64 uefi-ebc uefi-x64-http uefi-ebc-http',
      'ipxe-arm64.efi|1 B|ipxe 2.0 (sid)|changed|is for no known processor, not uefi-arm64',
      'ipxe-riscv64.efi|256 B|ipxe 2.0 (sid)|ok|is for x64, not uefi-riscv64',
    ],
  )
  assert.deepEqual(firmware('verify', '--config', config), {
    code: 1,
    stdout: `${join(folder, 'ipxe-arm64.efi')}: changed\n`,
    stderr: 'centra-pxe firmware fetch brings them again\n',
  })
  const [first] = JSON.parse(firmware('list', '--config', config, '--json').stdout)
  assert.deepEqual(first, {
    ...{ file: 'snponly.efi', path: join(folder, 'snponly.efi'), size: 256 },
    architectures: ['uefi-x64', 'uefi-ebc', 'uefi-x64-http', 'uefi-ebc-http'],
  })
})

test('fetch says what is wrong with its options, and what this machine lacks', () => {
  const stateDir = join(root, 'empty')
  for (const [args, code, stderr] of [
    [['--suite', 'buster'], 2, /--suite: expected current, trixie, sid, got "buster"/],
    [['--arch', 'arm'], 2, /--arch: there is no architecture arm; one is uefi-arm64/],
    [[], 69, /takes loaders out of Debian's packages, and apt-get is not here/],
  ] as const) {
    const ran = firmware('fetch', '--state-dir', stateDir, ...args)
    assert.deepEqual([ran.code, ran.stdout], [code, ''])
    assert.match(ran.stderr, stderr)
  }
})
