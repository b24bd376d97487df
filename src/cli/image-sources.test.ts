import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSources, type SourceFlags } from './image-sources.ts'

const HASH = 'ab'.repeat(32)

function read(flags: Partial<SourceFlags>): readonly (readonly [string, string])[] {
  return readSources({ maxSize: 1, ...flags }, '/s/images').map(({ name, from }) => [name, from])
}

test('files and URLs, each URL with the hash in its turn', () => {
  assert.deepEqual(read({ kernel: '/a/vmlinuz', initrd: ['/b/initrd.gz'] }), [
    ['vmlinuz', '/a/vmlinuz'],
    ['initrd.gz', '/b/initrd.gz'],
  ])
  assert.deepEqual(
    read({ kernel: 'https://x.org/k?key=1', initrd: ['/a/i', 'HTTP://x.org/j'], sha256: [HASH, HASH] }),
    [
      ['k', 'https://x.org/k'],
      ['i', '/a/i'],
      ['j', 'http://x.org/j'],
    ],
  )
  assert.deepEqual(read({ url: 'https://x.org/k', sha256: [HASH.toUpperCase()] }), [['k', 'https://x.org/k']])
  const inside = { kernelPath: 'casper/vmlinuz', initrdPath: ['/casper/initrd'] }
  for (const [flags, from] of [
    [{ iso: '/a/x.iso' }, '/a/x.iso'],
    [{ iso: 'https://x.org/x.iso', sha256: [HASH] }, 'https://x.org/x.iso'],
    [{ url: 'https://x.org/x.iso', sha256: [HASH] }, 'https://x.org/x.iso'],
  ] as const)
    assert.deepEqual(read({ ...flags, ...inside }), [
      ['vmlinuz', `${from}:/casper/vmlinuz`],
      ['initrd', `${from}:/casper/initrd`],
    ])
})

test('what is refused, before anything is opened', () => {
  const rows: readonly (readonly [Partial<SourceFlags>, RegExp])[] = [
    [{}, /--kernel: an image needs a kernel/],
    [{ kernel: '/a/k', url: 'https://x.org/k', sha256: [HASH] }, /only one of them fits/],
    [{ url: '/a/k' }, /--url: expected a URL/],
    [{ url: 'https://x.org/k' }, /--sha256: expected 1, one for each URL.*there are 0/],
    [{ kernel: '/a/k', sha256: [HASH] }, /--sha256: expected 0/],
    [{ url: 'https://x.org/k', sha256: ['abc'] }, /expected 64 hex digits, got "abc"/],
    [{ url: 'ftp://x.org/k', sha256: [HASH] }, /only https and http are fetched/],
    [{ kernel: 'file:///etc/shadow', sha256: [HASH] }, /only https and http are fetched/],
    [{ url: 'https://me:word@x.org/k', sha256: [HASH] }, /user name or password/],
    [{ url: 'https://x.org:99999/k', sha256: [HASH] }, /is no URL/],
    [{ url: 'https://x.org/', sha256: [HASH] }, /https:\/\/x\.org\/: expected a file name/],
    [{ url: 'https://x.org/a%2fb', sha256: [HASH] }, /expected a file name/],
    [{ iso: '/a/x.iso' }, /--kernel-path: which file/],
    [{ iso: '/a/x.iso', kernelPath: '/k', initrd: ['/i'] }, /see --initrd-path/],
    [{ iso: '/a/x.iso', kernelPath: '/k', sha256: [HASH] }, /--sha256: expected 0/],
    [{ iso: '/a/x.iso', kernelPath: '/' }, /expected a file name/],
    [{ kernel: '/a/k', initrdPath: ['/i'] }, /belong to --iso or --url/],
    [{ kernel: '/a/my kernel' }, /\/a\/my kernel: expected a file name of letters/],
  ]
  for (const [flags, why] of rows)
    assert.throws(() => read(flags), { name: 'CliError', exitCode: 2, message: why }, JSON.stringify(flags))
})
