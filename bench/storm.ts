/**
 * `npm run bench:storm`: many machines that start at once, against us and against dnsmasq with nginx. Unpacks the peers' Debian
 * packages into the cache, then runs `storm-inside.ts` in a private network, mount and process namespace.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT } from '../src/cli/exit-codes.ts'
import { cacheFolder } from '../src/lab/cache.ts'
import { runInPrivateWorld } from '../src/lab/namespace.ts'
import type { StormPlan } from './storm-inside.ts'
import { findStormServer, STORM_SERVERS } from './storm-servers.ts'

const HELP = `usage: npm run bench:storm -- [OPTION...]

Machines that start within two seconds and speak DHCP, TFTP and HTTP with the timers of EDK2 and iPXE until they have kernel and
initrd: from Centra PXE, and from dnsmasq with nginx, alternating, in private network namespaces. Needs root, installs nothing.
The table goes to stdout, progress to stderr.

  --machines LIST   default 40,400,2000
  --megabytes LIST  of kernel and initrd (10^6 octets), for each of them; default so that a storm moves at most 16 GB
  --repeats N       of everything, alternating; default 1
  --boots N|auto|false  the limit of our queue; default auto, as without configuration
  --servers LIST    of centra-pxe, dnsmasq (as it is, and with no-ping); default both
  --svg FILE        a plot of the time to kernel, of the first run of each
  --json FILE       write every single measurement there
  --help
`
/** Megabytes of an image by machines: 40 x 100, 400 x 40, 2000 x 8. */
const MOST_TOTAL = 16_000
const MOST_IMAGE = 100
const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`)

process.exitCode = await main()

async function main(): Promise<number> {
  const asked = readPlan(process.argv.slice(2))
  if (asked === undefined) {
    process.stdout.write(HELP)
    return EXIT.ok
  }
  if (typeof asked === 'string') {
    say(`${asked}; --help tells what there is`)
    return EXIT.usage
  }
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    say('private network namespaces need Linux and root')
    return EXIT.unavailable
  }
  const { names, ...plan } = asked
  const servers: StormPlan['servers'][number][] = []
  const missing: string[] = []
  for (const name of STORM_SERVERS.filter((one) => names.some((wanted) => one.startsWith(wanted)))) {
    const found = await findStormServer(name)
    const why = found.flatMap((one) => (one.kind === 'missing' ? [one.why] : []))
    if (why.length > 0) missing.push(`${name} is not available: ${why.join('; ')}`)
    else servers.push({ name, programs: found.flatMap((one) => (one.kind === 'found' ? [one.program] : [])) })
  }
  for (const line of missing) say(line)
  const folder = join(cacheFolder(), 'bench')
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'storm-'))
  try {
    const file = join(work, 'plan.json')
    writeFileSync(file, JSON.stringify({ ...plan, work, servers, missing } satisfies StormPlan))
    return await runInPrivateWorld(process.execPath, [join(import.meta.dirname, 'storm-inside.ts'), file])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

type Asked = Omit<StormPlan, 'work' | 'servers' | 'missing'> & { readonly names: readonly string[] }

/** undefined asks for help; a text says what is wrong. */
function readPlan(args: readonly string[]): Asked | string | undefined {
  try {
    const text = { type: 'string' } as const
    const names = {
      machines: text,
      megabytes: text,
      repeats: text,
      boots: text,
      servers: text,
      svg: text,
      json: text,
    }
    const { values } = parseArgs({ args: [...args], options: { ...names, help: { type: 'boolean' } } })
    if (values.help === true) return undefined
    const machines = (values.machines ?? '40,400,2000').split(',').map(Number)
    const megabytes = values.megabytes?.split(',').map(Number)
    const plan = {
      names: (values.servers ?? 'centra-pxe,dnsmasq').split(','),
      storms: machines.map((count, i) => ({
        machines: count,
        megabytes: megabytes?.[i] ?? megabytes?.[0] ?? Math.min(MOST_IMAGE, Math.floor(MOST_TOTAL / count)),
      })),
      repeats: Number(values.repeats ?? 1),
      boots:
        values.boots === 'false'
          ? (false as const)
          : (values.boots ?? 'auto') === 'auto'
            ? ('auto' as const)
            : Number(values.boots),
      ...(values.svg === undefined ? {} : { svg: resolve(values.svg) }),
      ...(values.json === undefined ? {} : { json: resolve(values.json) }),
    }
    const numbers = [
      ...plan.storms.flatMap((one) => [one.machines, one.megabytes]),
      plan.repeats,
      typeof plan.boots === 'number' ? plan.boots : 1,
    ]
    if (numbers.some((one) => !Number.isInteger(one) || one < 1)) return 'expected whole numbers above 0'
    if (plan.names.some((name) => !['centra-pxe', 'dnsmasq'].includes(name)))
      return 'expected servers out of centra-pxe and dnsmasq'
    return plan
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
