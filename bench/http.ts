/**
 * `npm run bench:http`: large files over HTTP from us and nginx, side by side. Unpacks the peers' Debian packages into the
 * cache, then runs `http-inside.ts` in a private network, mount and process namespace.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT } from '../src/cli/exit-codes.ts'
import { cacheFolder } from '../src/lab/cache.ts'
import { runInPrivateWorld } from '../src/lab/namespace.ts'
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
const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`)

process.exitCode = await main()

async function main(): Promise<number> {
  const plan = readPlan(process.argv.slice(2))
  if (plan === undefined) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  if (typeof plan === 'string') {
    say(`${plan}; --help tells what there is`)
    return EXIT.usage
  }
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    say('private network namespaces need Linux and root')
    return EXIT.unavailable
  }
  say('looking for the peers in the cache; what is missing is downloaded')
  const servers: HttpPlan['servers'][number][] = []
  for (const name of HTTP_SERVERS) servers.push({ name, found: await findHttpServer(name) })
  const folder = join(cacheFolder(), 'bench')
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'http-'))
  try {
    const file = join(work, 'plan.json')
    writeFileSync(file, JSON.stringify({ ...plan, work, servers } satisfies HttpPlan))
    return await runInPrivateWorld(process.execPath, [join(import.meta.dirname, 'http-inside.ts'), file])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** undefined asks for help; a text says what is wrong. */
function readPlan(args: readonly string[]): Omit<HttpPlan, 'work' | 'servers'> | string | undefined {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const options = { connections: text, gigabytes: text, repeats: text, json: text }
    const { values } = parseArgs({ args: [...args], options: { ...options, quick: flag, help: flag } })
    if (values.help === true) return undefined
    const isQuick = values.quick === true
    const plan = {
      connections: (values.connections ?? '1,10,64').split(',').map(Number),
      gigabytes: Number(values.gigabytes ?? (isQuick ? 1 : 6)),
      repeats: Number(values.repeats ?? (isQuick ? 1 : 5)),
      ...(values.json === undefined ? {} : { json: resolve(values.json) }),
    }
    const numbers = [...plan.connections, plan.gigabytes, plan.repeats]
    return numbers.every((one) => Number.isInteger(one) && one > 0) ? plan : 'expected whole numbers above 0'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
