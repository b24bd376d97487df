/**
 * `npm run bench:storm`: many machines that start at once, against us and against dnsmasq with nginx. Unpacks the peers' Debian
 * packages into the cache, then runs `storm-inside.ts` in a private network, mount and process namespace.
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runWorkbench, type Work, wholeNumber, wholeNumbers } from '../scripts/workbench.ts'
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

process.exitCode = await runWorkbench(
  { name: 'bench', help: HELP, read: readPlan, run },
  process.argv.slice(2),
)

async function run({ names, ...plan }: Wish, { folder, say, inside }: Work): Promise<number> {
  const servers: StormPlan['servers'][number][] = []
  const missing: string[] = []
  for (const name of STORM_SERVERS.filter((one) => names.some((wanted) => one.startsWith(wanted)))) {
    const found = await findStormServer(name)
    const why = found.flatMap((one) => (one.kind === 'missing' ? [one.why] : []))
    if (why.length > 0) missing.push(`${name} is not available: ${why.join('; ')}`)
    else servers.push({ name, programs: found.flatMap((one) => (one.kind === 'found' ? [one.program] : [])) })
  }
  for (const line of missing) say(line)
  const all: StormPlan = { ...plan, work: folder, servers, missing }
  return inside(join(import.meta.dirname, 'storm-inside.ts'), all)
}

type Wish = Omit<StormPlan, 'work' | 'servers' | 'missing'> & { readonly names: readonly string[] }

function readPlan(args: readonly string[]): Wish | undefined {
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
  const wanted = (values.servers ?? 'centra-pxe,dnsmasq').split(',')
  if (wanted.some((name) => !['centra-pxe', 'dnsmasq'].includes(name)))
    throw new Error('expected servers out of centra-pxe and dnsmasq')
  const megabytes = values.megabytes === undefined ? undefined : wholeNumbers(values.megabytes)
  return {
    names: wanted,
    storms: wholeNumbers(values.machines ?? '40,400,2000').map((machines, i) => ({
      machines,
      megabytes: megabytes?.[i] ?? megabytes?.[0] ?? Math.min(MOST_IMAGE, Math.floor(MOST_TOTAL / machines)),
    })),
    repeats: wholeNumber(values.repeats ?? '1'),
    boots: readBoots(values.boots ?? 'auto'),
    ...(values.svg === undefined ? {} : { svg: resolve(values.svg) }),
    ...(values.json === undefined ? {} : { json: resolve(values.json) }),
  }
}

function readBoots(text: string): StormPlan['boots'] {
  if (text === 'auto') return text
  return text === 'false' ? false : wholeNumber(text)
}
