import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureSystemPackages, findProgram, isPresent, missingPackages, SYSTEM_PACKAGES } from './packages.ts'

test('nothing is missing where everything exists, everything is missing where nothing does', () => {
  assert.deepEqual(
    missingPackages('test', () => true),
    [],
  )
  assert.deepEqual(
    missingPackages('test', () => false),
    SYSTEM_PACKAGES.map((row) => row.name),
  )
})

test('one missing file names its package, and the lab does not ask for test tools', () => {
  assert.deepEqual(
    missingPackages('lab', (brought) => brought !== '/usr/share/OVMF/OVMF_VARS_4M.fd'),
    ['ovmf'],
  )
  assert.deepEqual(
    missingPackages('lab', (brought) => brought !== 'tcpdump'),
    [],
  )
  assert.deepEqual(
    missingPackages('test', (brought) => brought !== 'tcpdump'),
    ['tcpdump'],
  )
})

test('each program or file names one package', () => {
  const brought = SYSTEM_PACKAGES.flatMap((row) => row.brings)
  assert.equal(new Set(brought).size, brought.length)
})

test('programs are found in PATH, files by their path, neither is invented', () => {
  assert.match(findProgram('sh') ?? '', /\/sh$/)
  assert.equal(findProgram('no-such-program-of-centra'), undefined)
  assert.equal(isPresent('/no/such/file'), false)
  assert.equal(isPresent('/bin/sh'), true)
})

for (const [who, options] of [
  ['CENTRA_NO_INSTALL', { mayInstall: false, isRoot: true }],
  ['a plain user', { mayInstall: true, isRoot: false }],
] as const) {
  test(`${who}: what is missing is named and nothing is installed, EX_UNAVAILABLE`, () => {
    const lines: string[] = []
    const say = (line: string): number => lines.push(line)
    const exists = (brought: string): boolean => brought !== 'ip' && brought !== 'dpkg-deb'
    assert.equal(ensureSystemPackages('lab', { ...options, say, exists }), 69)
    assert.deepEqual(lines, [
      'missing system packages: iproute2 dpkg',
      'install them with: apt-get install --no-install-recommends iproute2 dpkg',
    ])
  })
}

test('nothing is said when nothing is missing', () => {
  const lines: string[] = []
  const say = (line: string): number => lines.push(line)
  assert.equal(ensureSystemPackages('test', { mayInstall: true, isRoot: true, say, exists: () => true }), 0)
  assert.deepEqual(lines, [])
})
