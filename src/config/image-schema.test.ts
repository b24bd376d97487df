import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

const FILE = '/c/x.yaml'

function withImage(yaml: string): ReturnType<typeof resolveConfig> {
  return resolveConfig({ file: FILE, text: `version: 1\nimages:\n  one:\n${yaml}` }, [])
}

test('an image by architecture: its own arguments after those of all', () => {
  const { config, imageFiles, problems } = withImage(`    kernel: k
    initrd: [a, b]
    cmdline: quiet
    arch:
      uefi-arm64: {kernel: arm/k, cmdline: earlycon}
      uefi-x64: {efi: x.efi}
`)
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
  )
  assert.deepEqual(config?.images.get('one')?.variants, [
    { payload: { kind: 'linux', kernel: '/c/k', initrds: ['/c/a', '/c/b'] }, cmdline: [] },
    {
      arch: 'uefi-arm64',
      payload: { kind: 'linux', kernel: '/c/arm/k', initrds: [] },
      cmdline: ['earlycon'],
    },
    { arch: 'uefi-x64', payload: { kind: 'efi', program: '/c/x.efi' }, cmdline: [] },
  ])
  assert.deepEqual(
    imageFiles.map(({ target, path }) => `${path} ${target}`),
    [
      'images.one.kernel /c/k',
      'images.one.initrd[0] /c/a',
      'images.one.initrd[1] /c/b',
      'images.one.arch.uefi-arm64.kernel /c/arm/k',
      'images.one.arch.uefi-x64.efi /c/x.efi',
    ],
  )
})

describe('what is wrong is told at its place', () => {
  for (const [yaml, expected] of [
    [
      '    kernel: k\n    efi: e.efi\n',
      '/c/x.yaml:4:5: images.one: has kernel and efi: an image boots one of them',
    ],
    ['    cmdline: quiet\n', '/c/x.yaml:4:5: images.one: expected one of kernel, efi, iso, sanboot, chain'],
    [
      '    efi: e.efi\n    initrd: i\n',
      '/c/x.yaml:4:5: images.one: has an initrd without a kernel to load it',
    ],
    [
      '    arch:\n      uefi-x64: {}\n',
      '/c/x.yaml:5:17: images.one.arch.uefi-x64: expected one of kernel, efi, iso, sanboot, chain',
    ],
    [
      '    arch:\n      uefi-x64: {kernel: "a b"}\n',
      /^\/c\/x\.yaml:5:26: images\.one\.arch\.uefi-x64\.kernel: expected a file name of/,
    ],
    [
      '    arch:\n      uefi-x65: {kernel: k}\n',
      /^\/c\/x\.yaml:5:7: images\.one\.arch\.uefi-x65: expected one of bios-x86, /,
    ],
    [
      '    arch:\n      uefi-x64: {kernel: a/f, initrd: b/f}\n',
      '/c/x.yaml:5:39: images.one.arch.uefi-x64.initrd: another file of this image is named f too',
    ],
    [
      '    chain: ftp://10.0.0.1/x\n',
      '/c/x.yaml:4:12: images.one.chain: expected an address such as http://10.77.0.9/boot.ipxe, got "ftp://10.0.0.1/x"',
    ],
    ['    chain: http://user:secret@10.0.0.1/x\n', /4:12: images\.one\.chain: expected an address such as/],
    ['    chain: "http://10.0.0.1/a b"\n', /4:12: images\.one\.chain: expected an address such as/],
    ['    chain: "http://10.0.0.1/${net0/mac}"\n', /4:12: images\.one\.chain: expected an address such as/],
    [
      '    chain: "http://10.0.0.1/{{node.nmae}}"\n',
      /4:12: images\.one\.chain: there is no variable "node\.nmae"; there are node\.name, /,
    ],
    [
      '    sanboot: iscsi:10.0.0.1\n',
      /4:14: images\.one\.sanboot: expected iscsi:SERVER:PROTOCOL:PORT:LUN:TARGET/,
    ],
    [
      '    sanboot: iscsi:10.0.0.1::3260:0:iqn.2026-01.example:a\n    initiator: me\n',
      /5:16: images\.one\.initiator: expected an initiator's name such as/,
    ],
    [
      '    sanboot: http://10.0.0.1/x.iso\n    initiator: iqn.2026-01.example:a\n',
      '/c/x.yaml:4:5: images.one: has an initiator: without an iSCSI target under sanboot:',
    ],
    [
      '    kernel: k\n    cmdline: a={{node.name\n',
      /5:14: images\.one\.cmdline: \{\{ begins a placeholder such as \{\{node\.name\}\}, which has no end/,
    ],
    [
      '    kernel: k\n    cmdline: a={{serial}}\n',
      /5:14: images\.one\.cmdline: there is no variable "serial"; there are/,
    ],
  ] as const)
    test(yaml.trim(), () => {
      const errors = withImage(yaml).problems.filter(({ severity }) => severity === 'error')
      assert.equal(errors.length, 1, errors.map(formatProblem).join('\n'))
      const [first] = errors.map(formatProblem)
      if (typeof expected === 'string') assert.equal(first, expected)
      else assert.match(first ?? '', expected)
    })
})
