import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  kernelArgumentProblem,
  parseKernelCommandLine,
  SETTINGS,
  textProblem,
  word,
  wordProblem,
  words,
} from './words.ts'

const EXPANDS = 'has ${...}, which iPXE expands'
const SPACE = 'has white space or characters outside printable ASCII'

describe('one word', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['vmlinuz', undefined],
    ['a#b', undefined],
    ['a||b', undefined],
    [';;', undefined],
    ['$', undefined],
    ['$x{y}', undefined],
    ['--replace', undefined],
    ['', 'is empty'],
    ['a b', SPACE],
    ['a\tb', SPACE],
    ['a\nb', SPACE],
    ['a\n', SPACE],
    ['a\r', SPACE],
    ['a\0', SPACE],
    ['é', SPACE],
    ['#x', 'begins with #, which begins a comment in iPXE'],
    [':x', 'begins with a colon, which begins a label in iPXE'],
    ['||', 'is ||, which separates commands in iPXE'],
    ['&&', 'is &&, which separates commands in iPXE'],
    [';', 'is ;, which separates commands in iPXE'],
    ['x\\', 'ends in a backslash, which joins lines in iPXE'],
    ['${uuid}x${serial:hexraw}', undefined],
    ['${hostname}', EXPANDS],
    ['${serial}', EXPANDS],
    ['${serial:uristring}', EXPANDS],
    ['${', EXPANDS],
    ['${${uuid}}', EXPANDS],
    ['$${uuid}{pw}', EXPANDS],
    ['${u${uuid}', EXPANDS],
  ]
  for (const [text, problem] of rows)
    test(JSON.stringify(text), () => {
      assert.equal(wordProblem(text), problem)
      if (problem === undefined) assert.equal(word(text), text)
      else assert.throws(() => word(text), /not an iPXE word/)
    })
})

test('no allowed setting is expanded to what a client wrote freely', () => {
  const free = /hostname|user-class|\$\{(serial|manufacturer|product|asset)\}|:u?ristring|:string/
  assert.deepEqual(
    Object.values(SETTINGS).filter((setting) => free.test(setting)),
    [],
  )
})

test('a text is words with single spaces, without any setting', () => {
  assert.equal(words('Boot from disk (x): [a]'), 'Boot from disk (x): [a]')
  for (const text of ['', ' a', 'a ', 'a  b'])
    assert.equal(textProblem(text), 'has two spaces in a row, or one at an end, or is empty')
  assert.equal(textProblem('a ${uuid}'), EXPANDS)
  assert.equal(textProblem('this || that'), 'is ||, which separates commands in iPXE')
  assert.throws(() => words('a  b'), /not an iPXE word/)
})

describe('kernel command lines', () => {
  const rows: readonly (readonly [string, readonly string[] | string])[] = [
    ['', []],
    [' quiet  console=ttyS0,115200\tro\n', ['quiet', 'console=ttyS0,115200', 'ro']],
    ['a="b c" d', ['a="b c"', 'd']],
    ['a=b=c', ['a=b=c']],
    ['a="b c', 'has a quote without an end: "b c'],
    ['a="b"c', 'the kernel argument "a=\\"b\\"c" must have its quotes around the whole value'],
    ['a="b" "', 'has a quote without an end: "'],
    ['"a b"', 'the kernel argument "\\"a b\\"" must begin with a name of letters, digits, "_", "." or "-"'],
    ['#x', 'the kernel argument "#x" must begin with a name of letters, digits, "_", "." or "-"'],
    ['a;b', 'the kernel argument "a;b" has ";" in its name'],
    ['a=${x}', `the kernel argument "a=\${x}" ${EXPANDS}`],
    ['a="b  c"', 'the kernel argument "a=\\"b  c\\"" has two spaces in a row, or one at an end, or is empty'],
    ['a="b #c"', 'the kernel argument "a=\\"b #c\\"" begins with #, which begins a comment in iPXE'],
    ['a="b || c"', 'the kernel argument "a=\\"b || c\\"" is ||, which separates commands in iPXE'],
    ['a=b\\', 'the kernel argument "a=b\\\\" ends in a backslash, which joins lines in iPXE'],
    ["a='b'", "the kernel argument \"a='b'\" has a single quote, which GRUB's scripts cannot carry"],
    ['a=é', `the kernel argument "a=é" ${SPACE}`],
  ]
  for (const [text, expected] of rows)
    test(JSON.stringify(text), () => {
      const parsed = parseKernelCommandLine(text)
      assert.deepEqual(parsed.ok ? parsed.value : parsed.error, expected)
      if (parsed.ok)
        for (const argument of parsed.value) assert.equal(kernelArgumentProblem(argument), undefined)
    })
})
