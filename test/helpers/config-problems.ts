import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveConfig } from '../../src/config/resolve.ts'
import { formatProblem } from '../../src/config/source.ts'

export const FILE = '/c/x.yaml'
/** A configuration with nothing wrong, to which tests add. */
export const NET = 'version: 1\nnetworks:\n  - {name: a, interface: eth0, subnet: 10.0.0.0/24}\n'

/** The errors of one file; warnings apart. */
export function errors(text: string, included: Readonly<Record<string, string>> = {}): readonly string[] {
  return problems(text, included).filter((line) => !line.includes(': warning: '))
}

/** Errors and warnings, a line each; `included` by file name. */
export function problems(text: string, included: Readonly<Record<string, string>> = {}): readonly string[] {
  const others = Object.entries(included).map(([file, body]) => ({ file, text: body }))
  return resolveConfig({ file: FILE, text }, others).problems.map(formatProblem)
}

/** What it is, the file, its errors. */
export type Row = readonly [name: string, text: string, expected: readonly string[]]

/** A test for each row, below a title. */
export function testRows(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const [name, text, expected] of rows) test(name, () => assert.deepEqual(errors(text), expected))
  })
}
