import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { cacheFolder } from '../lab/cache.ts'
import { runInside } from '../lab/inside.ts'
import { proveKvm } from '../lab/kvm-proof.ts'
import { runInPrivateWorld } from '../lab/namespace.ts'
import { buildPayload, type Payload } from '../lab/payload.ts'
import { type LabPlan, LabPlanSchema, PlanError, planBridge, planMachines } from '../lab/plan.ts'
import type { Config } from '../model/config.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { exampleConfig, prepareExample } from './lab-example.ts'
import { print, requireConfig, say } from './output.ts'
import { followServer } from './state.ts'

interface LabFlags {
  readonly config?: string
  readonly node: readonly string[]
  readonly firmware?: 'bios' | 'uefi'
  readonly plainPxe: readonly string[]
  readonly accel: 'auto' | 'tcg' | 'kvm'
  readonly memory: number
  readonly timeout: number
  readonly capture?: boolean
}

const SIGTERM_EXIT = 128 + 15
const SOURCE = dirname(dirname(fileURLToPath(import.meta.url)))

export function addLab(program: Command): void {
  program
    .command('lab')
    .summary('boot virtual machines from the network, on this machine alone')
    .description(
      'Boots the nodes of a configuration as virtual machines with real firmware, through a server of its own, in a ' +
        'private network namespace: the network of this machine is not touched. Exit code 0 when all are in service.',
    )
    .option('--config <file>', 'default: the example of two nodes, one BIOS and one UEFI')
    .option('--node <name...>', 'only these nodes', [])
    .addOption(
      new Option('--firmware <kind>', 'of all machines; default: they take turns').choices(['bios', 'uefi']),
    )
    .option('--plain-pxe <name...>', "BIOS nodes whose ROM poses as a vendor's: iPXE comes over TFTP", [])
    .addOption(
      new Option('--accel <kind>', 'auto takes KVM only if it is proven to boot a kernel')
        .choices(['auto', 'tcg', 'kvm'])
        .default('auto'),
    )
    .option('--memory <MiB>', 'of each machine', readNumber, 512)
    .option('--timeout <seconds>', 'until machines that are not in service count as failed', readNumber, 600)
    .option('--capture', 'keep all packets in capture.pcap (needs tcpdump)')
    .action(lab)
  program
    .command('lab-inside', { hidden: true })
    .argument('<plan>')
    .action(async (file: string) => {
      // All that runs in the private world dies with this process, the first in it.
      process.on('SIGTERM', () => process.exit(SIGTERM_EXIT))
      const plan = LabPlanSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
      process.exitCode = (await inside(plan)) ? EXIT.ok : EXIT.failure
    })
}

async function lab(flags: LabFlags): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new CliError('the lab needs root, to make its private network', EXIT.unavailable)
  // What was typed is checked before anything is downloaded or built.
  const machines = planAll(
    flags,
    flags.config === undefined ? exampleConfig() : await requireConfig(flags.config),
  )
  const payload = await buildPayload({ onProgress: say })
  const { acceleration, reason } = await chooseAcceleration(flags.accel, payload)
  const folder = makeRunFolder()
  const plan: LabPlan = {
    ...machines,
    configFile: flags.config === undefined ? prepareExample(folder, payload) : resolve(flags.config),
    stateDir: join(folder, 'state'),
    folder,
    acceleration,
    memoryMib: flags.memory,
    timeoutSeconds: flags.timeout,
    capture: flags.capture ?? false,
  }
  const many = plan.machines.length === 1 ? 'machine' : 'machines'
  const how = acceleration === 'kvm' ? 'KVM' : 'software emulation'
  say(`${plan.machines.length} ${many}, ${how}: ${reason}`)
  say(`logs: ${folder}`)
  const planFile = join(folder, 'plan.json')
  writeFileSync(planFile, JSON.stringify(plan))
  const code = await runInPrivateWorld(process.execPath, [...ownScript(), 'lab-inside', planFile])
  say(lastWords(code, plan))
  process.exitCode = code
}

function planAll(
  { node: nodes, plainPxe, firmware }: LabFlags,
  config: Config,
): Pick<LabPlan, 'bridge' | 'machines'> {
  try {
    const machines = planMachines(config, {
      nodes,
      plainPxe,
      ...(firmware === undefined ? {} : { firmware }),
    })
    return { bridge: planBridge(config), machines: [...machines] }
  } catch (error) {
    throw error instanceof PlanError ? new CliError(error.message, EXIT.usage) : error
  }
}

function lastWords(code: number, { machines, folder }: LabPlan): string {
  const names = machines.map(({ name }) => name).join(', ')
  if (code === EXIT.ok) return `\n${names}: in service. Serial consoles, server log and timeline: ${folder}`
  if (code === EXIT.failure)
    return `\nnot every machine is in service. Serial consoles, server log and timeline: ${folder}`
  return `\nended early; machines, server and network are gone. Logs: ${folder}`
}

async function inside(plan: LabPlan): Promise<boolean> {
  const follow = (path: string, onLine: (line: string) => void, signal: AbortSignal): Promise<unknown> =>
    followServer(path, 0, onLine, signal)
  return runInside({ plan, program: [process.execPath, ...ownScript()], follow, print })
}

/** This program again. */
function ownScript(): readonly string[] {
  return [...process.execArgv, join(SOURCE, 'main.ts')]
}

async function chooseAcceleration(
  wish: LabFlags['accel'],
  payload: Payload,
): Promise<{ acceleration: 'tcg' | 'kvm'; reason: string }> {
  if (wish === 'auto') return proveKvm({ kernel: payload.kernel, initrd: payload.initrd })
  if (wish !== 'tcg' && wish !== 'kvm') throw new CliError(`--accel: expected auto, tcg or kvm`, EXIT.usage)
  return { acceleration: wish, reason: 'by --accel' }
}

/** Logs are kept: they are what a failed boot leaves behind. */
function makeRunFolder(): string {
  const runs = join(cacheFolder(), 'lab')
  mkdirSync(runs, { recursive: true })
  return mkdtempSync(join(runs, `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}-`))
}

function readNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value <= 0)
    throw new InvalidArgumentError('expected a whole number above 0')
  return value
}
