/**
 * `npm run bench:scripts`: a boot script for each machine, from us and our peers, side by side. Unpacks and builds the peers,
 * then runs `scripts-inside.ts` in a private network, mount and process namespace.
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runWorkbench, type Work, wholeNumber, wholeNumbers } from '../scripts/workbench.ts'
import { EXIT } from '../src/cli/exit-codes.ts'
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

process.exitCode = await runWorkbench(
  { name: 'bench', help: HELP, read: readPlan, run },
  process.argv.slice(2),
)

async function run(plan: Wish, { folder, say, inside }: Work): Promise<number> {
  say('looking for the peers in the cache; what is missing is downloaded, Go is built')
  const wrk = await findWrk()
  if (wrk.kind === 'missing') {
    say(`wrk is not available: ${wrk.why}`)
    return EXIT.unavailable
  }
  const servers: ScriptPlan['servers'][number][] = []
  for (const name of SCRIPT_SERVERS) servers.push({ name, found: await findScriptServer(name, folder) })
  const all: ScriptPlan = { ...plan, work: folder, wrk: wrk.program, servers }
  return inside(join(import.meta.dirname, 'scripts-inside.ts'), all)
}

type Wish = Omit<ScriptPlan, 'work' | 'wrk' | 'servers'>

function readPlan(args: readonly string[]): Wish | undefined {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = { nodes: text, seconds: text, repeats: text, json: text, quick: flag, help: flag }
  const { values } = parseArgs({ args: [...args], options })
  if (values.help === true) return undefined
  const isQuick = values.quick === true
  return {
    nodes: wholeNumbers(values.nodes ?? (isQuick ? '1000' : '1000,10000,100000')),
    seconds: wholeNumber(values.seconds ?? (isQuick ? '1' : '4')),
    warmUp: isQuick ? 1 : WARM_UP_S,
    repeats: wholeNumber(values.repeats ?? (isQuick ? '1' : '5')),
    ...(values.json === undefined ? {} : { json: resolve(values.json) }),
  }
}
