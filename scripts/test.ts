import { execFileSync } from 'node:child_process'
import { appendFileSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'

/**
 * Runs every suite and prints the time of each. The last line is `N passed, N failed, N skipped`. Arguments choose
 * suites by name. `--soak` raises the counts of the tests that repeat themselves (CENTRA_SOAK=1, read by
 * test/helpers/counts.ts) and the time-outs, and appends a row to docs/soak.md.
 */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

interface Suite {
  readonly name: string
  readonly globs: readonly string[]
  /** Test files at the same time. QEMU suites run one after another: two cores, and every machine takes one. */
  readonly concurrency: number
  /** Milliseconds for one file. */
  readonly timeout: number
}

const MINUTE = 60_000
const SOAK_TIMEOUT_FACTOR = 10
const SOAK_RECORD = join(ROOT, 'docs', 'soak.md')

const SUITES: readonly Suite[] = [
  {
    name: 'unit',
    globs: ['src/**/*.test.ts', 'scripts/*.test.ts', 'bench/*.test.ts'],
    concurrency: 2,
    timeout: 5 * MINUTE,
  },
  { name: 'project', globs: ['test/*.test.ts'], concurrency: 2, timeout: 5 * MINUTE },
  { name: 'fixtures', globs: ['test/protocol/*.test.ts'], concurrency: 2, timeout: 5 * MINUTE },
  { name: 'store', globs: ['test/store/*.test.ts'], concurrency: 2, timeout: 10 * MINUTE },
  { name: 'wire', globs: ['test/net/*.test.ts'], concurrency: 2, timeout: 10 * MINUTE },
  { name: 'payload', globs: ['test/lab/*.test.ts'], concurrency: 1, timeout: 15 * MINUTE },
  { name: 'boots', globs: ['test/e2e/*.test.ts'], concurrency: 1, timeout: 20 * MINUTE },
]

interface Totals {
  passed: number
  failed: number
  skipped: number
  readonly skips: string[]
}

const args = process.argv.slice(2)
const isSoak = args.includes('--soak')
if (isSoak) process.env['CENTRA_SOAK'] = '1'
const wanted = args.filter((arg) => !arg.startsWith('--'))
const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name))
if (unknown.length > 0) {
  console.error(
    `there is no suite ${unknown.join(', ')}; there are ${SUITES.map(({ name }) => name).join(', ')}`,
  )
  process.exit(2)
}

const totals: Totals = { passed: 0, failed: 0, skipped: 0, skips: [] }
const times: string[] = []
for (const suite of SUITES) {
  if (wanted.length > 0 && !wanted.includes(suite.name)) continue
  const begun = performance.now()
  await runSuite(suite, totals)
  times.push(`${suite.name} ${((performance.now() - begun) / 1000).toFixed(1)} s`)
}
report(totals)

async function runSuite({ name, globs, concurrency, timeout }: Suite, sum: Totals): Promise<void> {
  const files = globs.flatMap((glob) => globSync(join(ROOT, glob))).sort()
  console.log(`\n== ${name}: ${files.length} files`)
  if (files.length === 0) return
  const before = sum.passed + sum.failed + sum.skipped
  for await (const { type, data } of run({
    files,
    concurrency,
    timeout: isSoak ? timeout * SOAK_TIMEOUT_FACTOR : timeout,
    cwd: ROOT,
  })) {
    if (type === 'test:fail' && data.details.type !== 'suite')
      tellFailure(data.name, data.file, data.details.error)
    if (type === 'test:pass' && typeof data.skip !== 'undefined' && data.skip !== false)
      sum.skips.push(`${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`)
    if (type !== 'test:summary') continue
    if (data.file === undefined) {
      sum.passed += data.counts.passed
      sum.failed += data.counts.tests - data.counts.passed - data.counts.skipped - data.counts.todo
      sum.skipped += data.counts.skipped + data.counts.todo
    } else {
      const seconds = (data.duration_ms / 1000).toFixed(1)
      console.log(
        `${data.success ? 'ok  ' : 'FAIL'} ${relative(ROOT, data.file)} ${data.counts.tests} tests, ${seconds} s`,
      )
    }
  }
  // A file that does not even load, or a runner that reports nothing, must not look like success.
  if (sum.passed + sum.failed + sum.skipped === before) {
    console.log(`FAIL ${name}: no test was executed`)
    sum.failed += 1
  }
}

function tellFailure(name: string, file: string | undefined, error: Error): void {
  const cause = error.cause instanceof Error ? error.cause : error
  const where = file === undefined ? '' : ` (${relative(ROOT, file)})`
  console.log(`\nFAIL ${name}${where}\n${cause.stack ?? cause.message}\n`)
}

/** Tests that a machine may skip, each with its reason in the file; a new skip fails the run. */
function unexpectedSkips(skips: readonly string[]): readonly string[] {
  const allowed = readFileSync(join(ROOT, 'test', 'allowed-skips.txt'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return skips.filter((skip) => !allowed.some((prefix) => skip.startsWith(prefix)))
}

function report(sum: Totals): void {
  for (const skip of sum.skips) console.log(`skipped ${skip}`)
  const unexpected = process.env['CI'] === undefined ? [] : unexpectedSkips(sum.skips)
  for (const skip of unexpected) console.log(`FAIL not in test/allowed-skips.txt: ${skip}`)
  console.log(`\n${times.join(', ')}`)
  const failed = sum.failed + unexpected.length
  const result = `${sum.passed} passed, ${failed} failed, ${sum.skipped} skipped`
  if (isSoak) record(result)
  console.log(result)
  process.exitCode = failed === 0 ? 0 : 1
}

/** Commit and "changed" are those of the work tree at the end: do not edit while it soaks. */
function record(result: string): void {
  const git = (...words: readonly string[]): string =>
    execFileSync('git', words, { cwd: ROOT, encoding: 'utf8' }).trim()
  const commit = git('rev-parse', '--short', 'HEAD')
  const changed = git('status', '--porcelain', '--', 'src', 'test', 'scripts') === '' ? '' : ', changed'
  const date = new Date().toISOString().slice(0, 10)
  appendFileSync(
    SOAK_RECORD,
    `| ${date} | ${commit}${changed} | ${process.version} | ${result} | ${times.join(', ')} |\n`,
  )
}
