import assert from 'node:assert/strict'
import { test } from 'node:test'
import { includedGlobs, resolveConfig } from './resolve.ts'

const FILE = '/c/x.yaml'

test('the files to look for, with their places, also out of images that have errors', () => {
  const text = `version: 1
server: {firmware: [fw, 5, /fw], extra: 1}
images:
  a: {kernel: ./k, initrd: [i, "no name", ../j], extra: 1}
  b: {initrd: i}
  Bad: {kernel: k}
include: ["*.yaml", 5, /d/*]
`
  const { config, imageFiles, firmwareDirs } = resolveConfig({ file: FILE, text }, [
    { file: '/c/d/y.yaml', text: 'images: {c: {kernel: k}}\n' },
  ])
  assert.equal(config, undefined)
  const shown = [...imageFiles, ...firmwareDirs, ...includedGlobs({ file: FILE, text })].map(
    ({ target, origin, path }) => `${origin.file}:${origin.line}:${origin.column}: ${path} ${target}`,
  )
  assert.deepEqual(shown, [
    '/c/x.yaml:4:15: images.a.kernel /c/k',
    '/c/x.yaml:4:29: images.a.initrd[0] /c/i',
    '/c/x.yaml:4:43: images.a.initrd[2] /j',
    '/c/x.yaml:5:15: images.b.initrd /c/i',
    '/c/d/y.yaml:1:22: images.c.kernel /c/d/k',
    '/c/x.yaml:2:21: server.firmware[0] /c/fw',
    '/c/x.yaml:2:28: server.firmware[2] /fw',
    '/c/x.yaml:7:11: include[0] /c/*.yaml',
    '/c/x.yaml:7:24: include[2] /d/*',
  ])
  const without = resolveConfig({ file: FILE, text: 'version: 1\n' }, [])
  assert.deepEqual(without.firmwareDirs, [], 'the default directories are not written')
})
