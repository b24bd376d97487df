/**
 * `npm run bench:boot`: how long a machine boots, stage by stage, from us and from dnsmasq with nginx and a script written by hand.
 * Unpacks the peers' Debian packages into the cache, then runs `boot-inside.ts` in a private network, mount and process namespace.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT } from '../src/cli/exit-codes.ts'
import { cacheFolder } from '../src/lab/cache.ts'
import { runInPrivateWorld } from '../src/lab/namespace.ts'
import { missingPackages } from '../src/lab/packages.ts'
import { buildPayload } from '../src/lab/payload.ts'
import type { BootPlan } from './boot-inside.ts'
import { FIRMWARES, type Firmware } from './boot-report.ts'
import { findProgram, ownProgram } from './peers.ts'

const HELP = `usage: npm run bench:boot -- [OPTION...]

One machine in QEMU, from its power button to Linux in service, from Centra PXE (as configured, and with quietRouter), and from
dnsmasq with nginx and a script written by hand: alternating, the same payload, stage by stage as seen on the wire, in private
network namespaces. Needs root and the packages of the lab, installs nothing. The tables go to stdout, progress to stderr.

  --pairs N         boots of each server with each firmware; default 7
  --firmware LIST   bios (the card's iPXE), uefi (OVMF, PXE); default both
  --json FILE       write the stages of every boot there
  --help
`
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
  const missing = missingPackages('lab')
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || missing.length > 0) {
    say(`machines need Linux, root and the packages of the lab${missing.map((one) => ` ${one}`).join('')}`)
    return EXIT.unavailable
  }
  const dnsmasq = await findProgram(['dnsmasq-base'], 'usr/sbin/dnsmasq', '--version')
  const nginx = await findProgram(['nginx'], 'usr/sbin/nginx', '-v')
  if (dnsmasq.kind === 'missing' || nginx.kind === 'missing') {
    for (const one of [dnsmasq, nginx]) if (one.kind === 'missing') say(one.why)
    return EXIT.unavailable
  }
  const payload = await buildPayload({ onProgress: say })
  const folder = join(cacheFolder(), 'bench')
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'boot-'))
  try {
    const file = join(work, 'plan.json')
    const programs = { centra: ownProgram(), dnsmasq: dnsmasq.program, nginx: nginx.program }
    writeFileSync(file, JSON.stringify({ ...asked, work, payload, ...programs } satisfies BootPlan))
    return await runInPrivateWorld(process.execPath, [join(import.meta.dirname, 'boot-inside.ts'), file])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** undefined asks for help; a text says what is wrong. */
function readPlan(
  args: readonly string[],
): Pick<BootPlan, 'pairs' | 'firmwares' | 'json'> | string | undefined {
  try {
    const text = { type: 'string' } as const
    const options = { pairs: text, firmware: text, json: text, help: { type: 'boolean' } } as const
    const { values } = parseArgs({ args: [...args], options })
    if (values.help === true) return undefined
    const pairs = Number(values.pairs ?? 7)
    if (!Number.isInteger(pairs) || pairs < 1) return 'expected pairs to be a whole number above 0'
    const names = (values.firmware ?? FIRMWARES.join(',')).split(',')
    const firmwares = names.filter((name): name is Firmware => FIRMWARES.some((one) => one === name))
    if (firmwares.length < names.length) return `expected firmware out of ${FIRMWARES.join(' and ')}`
    return { pairs, firmwares, ...(values.json === undefined ? {} : { json: resolve(values.json) }) }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
