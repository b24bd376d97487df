/**
 * `npm run bench:http`: large files over HTTP from us and nginx, side by side. Unpacks the peers' Debian packages into the
 * cache, then runs `http-inside.ts` in a private network, mount and process namespace.
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runWorkbench, type Work, wholeNumber, wholeNumbers } from '../scripts/workbench.ts'
import type { HttpPlan } from './http-inside.ts'
import { findHttpServer, HTTP_SERVERS } from './http-servers.ts'

const HELP = `usage: npm run bench:http -- [OPTION...]

Files over HTTP from Centra PXE and nginx (sendfile), in private network namespaces: needs root, installs nothing. The servers
alternate case by case. "small" has 200 MB and fits our cache as it is by default, "large" has 500 MB and does not. The table
goes to stdout, progress to stderr.

  --quick             one repeat of little: to see that it works, not to measure
  --connections LIST  at the same time; default 1,10,64
  --gigabytes N       of one measurement (10^9 octets); default 6
  --repeats N         of everything, alternating; default 5
  --json FILE         write every single measurement there
  --help
`

process.exitCode = await runWorkbench(
  { name: 'bench', help: HELP, read: readPlan, run },
  process.argv.slice(2),
)

async function run(plan: Wish, { folder, say, inside }: Work): Promise<number> {
  say('looking for the peers in the cache; what is missing is downloaded')
  const servers: HttpPlan['servers'][number][] = []
  for (const name of HTTP_SERVERS) servers.push({ name, found: await findHttpServer(name) })
  return inside(join(import.meta.dirname, 'http-inside.ts'), {
    ...plan,
    work: folder,
    servers,
  } satisfies HttpPlan)
}

type Wish = Omit<HttpPlan, 'work' | 'servers'>

function readPlan(args: readonly string[]): Wish | undefined {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = { connections: text, gigabytes: text, repeats: text, json: text, quick: flag, help: flag }
  const { values } = parseArgs({ args: [...args], options })
  if (values.help === true) return undefined
  const isQuick = values.quick === true
  return {
    connections: wholeNumbers(values.connections ?? '1,10,64'),
    gigabytes: wholeNumber(values.gigabytes ?? (isQuick ? '1' : '6')),
    repeats: wholeNumber(values.repeats ?? (isQuick ? '1' : '5')),
    ...(values.json === undefined ? {} : { json: resolve(values.json) }),
  }
}
