/**
 * `npm run bench:scripts`: a boot script for each machine, from us and our peers, side by side. Unpacks and builds the peers,
 * then runs `scripts-inside.ts` in a private network, mount and process namespace.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT } from '../src/cli/exit-codes.ts'
import { cacheFolder } from '../src/lab/cache.ts'
import { runInPrivateWorld } from '../src/lab/namespace.ts'
import type { ScriptPlan } from './scripts-inside.ts'
import { SCRIPT_SERVERS } from './scripts-report.ts'
import { findScriptServer, findWrk } from './scripts-servers.ts'

/** Seconds. */
const WARM_UP_S = 8

const HELP = `usage: npm run bench:scripts -- [OPTION...]

GET /boot/MAC.ipxe over 32 connections (wrk) from Centra PXE, from nginx (a static file for each machine) and from a small
program in Go (net/http, a map in memory), in private network namespaces: needs root, installs nothing. The servers alternate.
The table goes to stdout, progress to stderr. Each server is warmed up for ${WARM_UP_S} s.

  --quick           1000 nodes, one repeat of a second: to see that it works, not to measure
  --nodes LIST      described machines; default 1000,10000,100000
  --seconds N       of one measurement; default 4
  --repeats N       of everything, alternating; default 5
  --json FILE       write every single measurement there
  --help
`
const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`)

process.exitCode = await main()

async function main(): Promise<number> {
  const wishes = readWishes(process.argv.slice(2))
  if (wishes === undefined) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  if (typeof wishes === 'string') {
    say(`${wishes}; --help tells what there is`)
    return EXIT.usage
  }
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    say('private network namespaces need Linux and root')
    return EXIT.unavailable
  }
  const folder = join(cacheFolder(), 'bench')
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'scripts-'))
  try {
    say('looking for the peers in the cache; what is missing is downloaded, Go is built')
    const wrk = await findWrk()
    if (wrk.kind === 'missing') {
      say(`wrk is not available: ${wrk.why}`)
      return EXIT.unavailable
    }
    const servers: ScriptPlan['servers'][number][] = []
    for (const name of SCRIPT_SERVERS) servers.push({ name, found: await findScriptServer(name, work) })
    const file = join(work, 'plan.json')
    writeFileSync(file, JSON.stringify({ ...wishes, work, wrk: wrk.program, servers } satisfies ScriptPlan))
    return await runInPrivateWorld(process.execPath, [join(import.meta.dirname, 'scripts-inside.ts'), file])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** undefined asks for help; a text says what is wrong. */
function readWishes(
  args: readonly string[],
): Omit<ScriptPlan, 'work' | 'wrk' | 'servers'> | string | undefined {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const options = { nodes: text, seconds: text, repeats: text, json: text, quick: flag, help: flag }
    const { values } = parseArgs({ args: [...args], options })
    if (values.help === true) return undefined
    const isQuick = values.quick === true
    const wishes = {
      nodes: (values.nodes ?? (isQuick ? '1000' : '1000,10000,100000')).split(',').map(Number),
      seconds: Number(values.seconds ?? (isQuick ? 1 : 4)),
      warmUp: isQuick ? 1 : WARM_UP_S,
      repeats: Number(values.repeats ?? (isQuick ? 1 : 5)),
      ...(values.json === undefined ? {} : { json: resolve(values.json) }),
    }
    const numbers = [...wishes.nodes, wishes.seconds, wishes.repeats]
    return numbers.every((one) => Number.isInteger(one) && one > 0)
      ? wishes
      : 'expected whole numbers above 0'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
