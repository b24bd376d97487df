import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Format, lint, types and architecture, together, in well under a minute. Exit code 1 when one of them objects. */
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const BIN = join(ROOT, 'node_modules', '.bin')

interface Outcome {
  readonly name: string
  readonly code: number
  readonly seconds: number
  readonly output: string
}

const CHECKS: readonly (readonly [string, string, ...string[]])[] = [
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['lint with types', 'oxlint', '--type-aware', '--deny-warnings'],
  ['types', 'tsc', '-p', '.'],
  ['architecture', 'node', '--test', '--test-reporter=dot', 'test/architecture.test.ts'],
]

const outcomes = await Promise.all(
  CHECKS.map(([name, program, ...args]) => check(name, join(BIN, program), args)),
)
for (const { name, code, seconds, output } of outcomes) {
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} ${seconds.toFixed(1)} s`)
  if (code !== 0) console.log(output)
}
process.exitCode = outcomes.every(({ code }) => code === 0) ? 0 : 1

function check(name: string, program: string, args: readonly string[]): Promise<Outcome> {
  const begun = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    child.on('error', reject)
    child.on('close', (code) =>
      resolve({ name, code: code ?? 1, seconds: (performance.now() - begun) / 1000, output }),
    )
  })
}
