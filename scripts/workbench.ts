/** What the commands that run machines and servers in private namespaces have in common: `npm run bench:...`, `interop`, `matrix`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT } from '../src/cli/exit-codes.ts'
import { cacheFolder } from '../src/lab/cache.ts'
import { runInPrivateWorld } from '../src/lab/namespace.ts'

export interface Workbench<Wish> {
  /** Of its lines on stderr, and of its folder in the cache: on a real disk, as /tmp often is none. */
  readonly name: string
  readonly help: string
  /** Undefined asks for help; throws an error that says what is wrong. */
  readonly read: (args: readonly string[]) => Wish | undefined
  /** Debian packages that it wants installed and that are not. */
  readonly missing?: readonly string[]
  /** Returns the exit code. */
  readonly run: (wish: Wish, work: Work) => Promise<number>
}

export interface Work {
  /** Gone afterwards. */
  readonly folder: string
  readonly say: (line: string) => void
  /** Runs a script in a private network, mount and process namespace; it is given a file that has the plan. Returns its exit code. */
  readonly inside: (script: string, plan: object) => Promise<number>
}

/** The whole command, from its arguments to its exit code. */
export async function runWorkbench<Wish>(bench: Workbench<Wish>, args: readonly string[]): Promise<number> {
  const { name, help, missing = [] } = bench
  const say = (line: string): void => void process.stderr.write(`${name}: ${line}\n`)
  let wish: Wish | undefined
  try {
    wish = bench.read(args)
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}; --help tells what there is`)
    return EXIT.usage
  }
  if (wish === undefined) {
    process.stdout.write(help)
    return EXIT.ok
  }
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || missing.length > 0) {
    const packages = missing.length === 0 ? '' : `, and the packages ${missing.join(' ')}`
    say(`private network namespaces need Linux and root${packages}`)
    return EXIT.unavailable
  }
  const place = join(cacheFolder(), name)
  mkdirSync(place, { recursive: true })
  const folder = mkdtempSync(join(place, 'run-'))
  const inside = (script: string, plan: object): Promise<number> => {
    const file = join(folder, 'plan.json')
    writeFileSync(file, JSON.stringify(plan))
    // The world ends when its stdin does (test/helpers/netns.ts).
    return runInPrivateWorld(process.execPath, [script, file], { stdio: ['pipe', 'inherit', 'inherit'] })
  }
  try {
    return await bench.run(wish, { folder, say, inside })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Whole numbers above 0, of an option that has them between commas. Throws for anything else. */
export function wholeNumbers(text: string): readonly number[] {
  const all = text.split(',').map(Number)
  if (!all.every((one) => Number.isInteger(one) && one > 0))
    throw new Error(`expected whole numbers above 0, got ${text}`)
  return all
}

/** One whole number above 0. Throws for anything else. */
export function wholeNumber(text: string): number {
  const [one, ...more] = wholeNumbers(text)
  if (one === undefined || more.length > 0) throw new Error(`expected one whole number above 0, got ${text}`)
  return one
}
