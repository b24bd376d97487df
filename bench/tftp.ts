/**
 * `npm run bench:tftp`: one file by TFTP from us and our peers, side by side. Unpacks the peers' Debian packages into the
 * cache, then runs `tftp-inside.ts` in a private network, mount and process namespace.
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runWorkbench, type Work, wholeNumber, wholeNumbers } from '../scripts/workbench.ts'
import type { TftpPlan } from './tftp-inside.ts'
import { findTftpServer, TFTP_SERVERS } from './tftp-servers.ts'

const HELP = `usage: npm run bench:tftp -- [OPTION...]

One file by TFTP, blksize 1468, from Centra PXE, dnsmasq, tftpd-hpa and atftpd, in private network namespaces: needs root,
installs nothing. The servers alternate case by case. The table goes to stdout, progress to stderr.

  --quick           one repeat of little: to see that it works, not to measure
  --windows LIST    windowsize (RFC 7440); default 1,4,16
  --clients LIST    at the same time; default 1,16
  --megabytes N     of the file (10^6 octets); default 1
  --total N         megabytes of one measurement; default 60
  --repeats N       of everything, alternating; default 5
  --json FILE       write every single measurement there
  --help
`

process.exitCode = await runWorkbench(
  { name: 'bench', help: HELP, read: readPlan, run },
  process.argv.slice(2),
)

async function run(plan: Wish, { folder, say, inside }: Work): Promise<number> {
  say('looking for the peers in the cache; what is missing is downloaded')
  const servers: TftpPlan['servers'][number][] = []
  for (const name of TFTP_SERVERS) servers.push({ name, found: await findTftpServer(name) })
  return inside(join(import.meta.dirname, 'tftp-inside.ts'), {
    ...plan,
    work: folder,
    servers,
  } satisfies TftpPlan)
}

type Wish = Omit<TftpPlan, 'work' | 'servers'>

function readPlan(args: readonly string[]): Wish | undefined {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const options = { windows: text, clients: text, megabytes: text, total: text, repeats: text, json: text }
  const { values } = parseArgs({ args: [...args], options: { ...options, quick: flag, help: flag } })
  if (values.help === true) return undefined
  const isQuick = values.quick === true
  return {
    windows: wholeNumbers(values.windows ?? '1,4,16'),
    clients: wholeNumbers(values.clients ?? '1,16'),
    megabytes: wholeNumber(values.megabytes ?? '1'),
    total: wholeNumber(values.total ?? (isQuick ? '16' : '60')),
    repeats: wholeNumber(values.repeats ?? (isQuick ? '1' : '5')),
    ...(values.json === undefined ? {} : { json: resolve(values.json) }),
  }
}
