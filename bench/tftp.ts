/**
 * `npm run bench:tftp`: one file by TFTP from us and our peers, side by side. Unpacks the peers' Debian packages into the
 * cache, then runs `tftp-inside.ts` in a private network, mount and process namespace.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT } from '../src/cli/exit-codes.ts'
import { cacheFolder } from '../src/lab/cache.ts'
import { runInPrivateWorld } from '../src/lab/namespace.ts'
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
  const servers: TftpPlan['servers'][number][] = []
  for (const name of TFTP_SERVERS) servers.push({ name, found: await findTftpServer(name) })
  const folder = join(cacheFolder(), 'bench')
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'tftp-'))
  try {
    const file = join(work, 'plan.json')
    writeFileSync(file, JSON.stringify({ ...plan, work, servers } satisfies TftpPlan))
    return await runInPrivateWorld(process.execPath, [join(import.meta.dirname, 'tftp-inside.ts'), file])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** undefined asks for help; a text says what is wrong. */
function readPlan(args: readonly string[]): Omit<TftpPlan, 'work' | 'servers'> | string | undefined {
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    const options = { windows: text, clients: text, megabytes: text, total: text, repeats: text, json: text }
    const { values } = parseArgs({ args: [...args], options: { ...options, quick: flag, help: flag } })
    if (values.help === true) return undefined
    const isQuick = values.quick === true
    const plan = {
      windows: (values.windows ?? '1,4,16').split(',').map(Number),
      clients: (values.clients ?? '1,16').split(',').map(Number),
      megabytes: Number(values.megabytes ?? 1),
      total: Number(values.total ?? (isQuick ? 16 : 60)),
      repeats: Number(values.repeats ?? (isQuick ? 1 : 5)),
      ...(values.json === undefined ? {} : { json: resolve(values.json) }),
    }
    const numbers = [...plan.windows, ...plan.clients, plan.megabytes, plan.total, plan.repeats]
    return numbers.every((one) => Number.isInteger(one) && one > 0) ? plan : 'expected whole numbers above 0'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
