/**
 * `npm run bench:boot`: how long a machine boots, stage by stage, from us and from dnsmasq with nginx and a script written by hand.
 * Unpacks the peers' Debian packages into the cache, then runs `boot-inside.ts` in a private network, mount and process namespace.
 */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runWorkbench, type Work, wholeNumber } from '../scripts/workbench.ts'
import { EXIT } from '../src/cli/exit-codes.ts'
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

const bench = { name: 'bench', help: HELP, read: readPlan, missing: missingPackages('lab'), run }
process.exitCode = await runWorkbench(bench, process.argv.slice(2))

async function run(plan: Wish, { folder, say, inside }: Work): Promise<number> {
  const dnsmasq = await findProgram(['dnsmasq-base'], 'usr/sbin/dnsmasq', '--version')
  const nginx = await findProgram(['nginx'], 'usr/sbin/nginx', '-v')
  if (dnsmasq.kind === 'missing' || nginx.kind === 'missing') {
    for (const one of [dnsmasq, nginx]) if (one.kind === 'missing') say(one.why)
    return EXIT.unavailable
  }
  const payload = await buildPayload({ onProgress: say })
  const programs = { centra: ownProgram(), dnsmasq: dnsmasq.program, nginx: nginx.program }
  const all: BootPlan = { ...plan, work: folder, payload, ...programs }
  return inside(join(import.meta.dirname, 'boot-inside.ts'), all)
}

type Wish = Pick<BootPlan, 'pairs' | 'firmwares' | 'json'>

function readPlan(args: readonly string[]): Wish | undefined {
  const text = { type: 'string' } as const
  const options = { pairs: text, firmware: text, json: text, help: { type: 'boolean' } } as const
  const { values } = parseArgs({ args: [...args], options })
  if (values.help === true) return undefined
  const names = (values.firmware ?? FIRMWARES.join(',')).split(',')
  const firmwares = names.filter((name): name is Firmware => FIRMWARES.some((one) => one === name))
  if (firmwares.length < names.length) throw new Error(`expected firmware out of ${FIRMWARES.join(' and ')}`)
  const pairs = wholeNumber(values.pairs ?? '7')
  return { pairs, firmwares, ...(values.json === undefined ? {} : { json: resolve(values.json) }) }
}
