import assert from 'node:assert/strict'
import { test } from 'node:test'
import { archiveName, parseControl } from './debian-packages.ts'

test('single-line fields of the first paragraph, continuation lines left out', () => {
  const fields = parseControl(
    [
      'Package: linux-image-amd64',
      'Version: 1:6.1.0-1~deb12u1',
      'Depends: linux-image-6.1.0-30-amd64 (= 6.1.124-1)',
      'Description: Linux: for 64-bit PCs',
      ' Version: not this one',
      '',
      'Version: nor this one',
    ].join('\n'),
  )
  assert.deepEqual(Object.fromEntries(fields), {
    Package: 'linux-image-amd64',
    Version: '1:6.1.0-1~deb12u1',
    Depends: 'linux-image-6.1.0-30-amd64 (= 6.1.124-1)',
    Description: 'Linux: for 64-bit PCs',
  })
})

test('a package file is named as apt-get download names it', () => {
  const busybox = { name: 'busybox-static', version: '1:1.35.0-4+deb12u1', architecture: 'amd64' }
  assert.equal(archiveName(busybox), 'busybox-static_1%3a1.35.0-4+deb12u1_amd64.deb')
})
