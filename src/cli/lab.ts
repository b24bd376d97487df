import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import { cacheFolder, withLock } from '../lab/cache.ts'
import { proveKvm } from '../lab/kvm-proof.ts'
import { restoreCursor } from '../lab/live.ts'
import { runInPrivateWorld } from '../lab/namespace.ts'
import { buildPayload, type Payload } from '../lab/payload.ts'
import type { LabPlan } from '../lab/plan.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { OWN_SCRIPT } from './lab-inside.ts'
import {
  type LabFlags,
  planLab,
  readKeys,
  readNumber,
  readSize,
  requireLabConfig,
  requireMachine,
  requireRecording,
} from './lab-wishes.ts'
import { say } from './output.ts'

const EXAMPLE = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'examples/lab/centra-pxe.yaml')

/** `lab`: needs root for its private network, exit code 69 without. 1 when a machine did not come into service. */
export function addLab(program: Command): void {
  program
    .command('lab')
    .summary('boot virtual machines from the network, on this machine alone')
    .description(
      'Boots the nodes of a configuration as virtual machines with real firmware, through a server of its own, in a ' +
        'private network namespace: the network of this machine is not touched. Networks that the configuration only ' +
        'watches get Centra PXE as their DHCP server there. Exit code 0 when all are in service, 1 otherwise, 143 when ' +
        'it was ended early.',
    )
    .option('--config <file>', 'default: the example of two nodes, one BIOS and one UEFI')
    .option('--node <name...>', 'only these nodes', [])
    .option('--unknown <n>', 'machines that no node describes; without --node, these alone', readNumber, 0)
    .addOption(
      new Option('--firmware <kind>', 'of all machines; default: they take turns').choices(['bios', 'uefi']),
    )
    .option('--plain-pxe <name...>', "BIOS machines whose ROM poses as a vendor's: iPXE comes over TFTP", [])
    .option('--payload', "boot the lab's own small Linux in place of every image, wherever its files are")
    .option(
      '--disk <size>',
      'a disk for every machine: 512M, 4G; without --keep it goes with the run',
      readSize,
    )
    .option(
      '--keep',
      'disks, UEFI variables and leases are there again at the next run of this configuration',
    )
    .option('--stay', 'the machines run on when all is over, until Ctrl-C')
    .option('--console <name>', 'give this terminal to the serial console of a machine; Ctrl-] leaves it')
    .option('--keys <file>', 'keys for the serial consoles: MACHINE "text to wait for" KEY...')
    .option(
      '--record <file>',
      'what a terminal would show: an asciinema cast if the name ends in .cast, else text',
    )
    .option('--json', 'the outcome as one JSON document on stdout; the timeline goes to stderr')
    .addOption(
      new Option('--accel <kind>', 'auto takes KVM only if it is proven to boot a kernel')
        .choices(['auto', 'tcg', 'kvm'])
        .default('auto'),
    )
    .option('--memory <MiB>', 'of each machine', readNumber, 512)
    .option('--timeout <seconds>', 'until machines that are not in service count as failed', readNumber, 600)
    .option('--capture', 'keep all packets in capture.pcap (needs tcpdump)')
    .action(lab)
}

async function lab(flags: LabFlags): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new CliError('the lab needs root, to make its private network', EXIT.unavailable)
  // What was typed is checked before anything is downloaded or built.
  const configFile = flags.config === undefined ? EXAMPLE : resolve(flags.config)
  const usesPayload = flags.payload === true || flags.config === undefined
  const config = await requireLabConfig(configFile, usesPayload)
  const machines = planLab(config, flags)
  const keys = readKeys(flags.keys, machines)
  if (flags.console !== undefined) requireMachine('--console', flags.console, machines)
  if (flags.record !== undefined) requireRecording(flags.record)
  const payload = await buildPayload({ onProgress: say })
  const { acceleration, reason } = await chooseAcceleration(flags.accel, payload)
  const folder = flags.keep ? keptFolder(configFile) : newFolder()
  const run: LabPlan = {
    ...machines,
    ...{ configFile, stateDir: join(folder, 'state'), folder, acceleration, keys },
    ...{ memoryMib: flags.memory, timeoutSeconds: flags.timeout },
    ...(usesPayload ? { payload: { kernel: payload.kernel, initrd: payload.initrd } } : {}),
    ...(flags.disk === undefined ? {} : { diskSize: flags.disk }),
    ...(flags.console === undefined ? {} : { console: flags.console }),
    ...(flags.record === undefined ? {} : { record: resolve(flags.record) }),
    ...{ capture: flags.capture === true, keep: flags.keep === true, json: flags.json === true },
    stay: flags.stay === true,
  }
  const many = run.machines.length === 1 ? 'machine' : 'machines'
  const how = acceleration === 'kvm' ? 'KVM' : 'software emulation'
  say(`${run.machines.length} ${many}, ${how}: ${reason}`)
  say(`logs: ${folder}`)
  const code = await withLock(join(folder, 'lock'), () => runPlan(run), { timeout: LOCK_MS }).catch(() => {
    throw new CliError(`another run of this configuration uses ${folder}; wait for its end`)
  })
  if (!run.keep)
    for (const { name } of run.machines) rmSync(join(folder, name, 'disk.qcow2'), { force: true })
  say(lastWords(code, run))
  process.exitCode = code
}

const LOCK_MS = 1000

function runPlan(run: LabPlan): Promise<number> {
  const planFile = join(run.folder, 'plan.json')
  writeFileSync(planFile, JSON.stringify(run))
  const ran = runInPrivateWorld(process.execPath, [...OWN_SCRIPT, 'lab-inside', planFile])
  return ran.finally(() => restoreTerminal(run))
}

/** What a process that was killed could not put back. */
function restoreTerminal(run: LabPlan): void {
  restoreCursor(run.json ? process.stderr : process.stdout)
  if (run.console !== undefined && process.stdin.isTTY)
    spawnSync('stty', ['sane'], { stdio: ['inherit', 'ignore', 'ignore'] })
}

function lastWords(code: number, { machines, folder }: LabPlan): string {
  const names = machines.map(({ name }) => name).join(', ')
  if (code === EXIT.ok) return `\n${names}: in service. Serial consoles, server log and timeline: ${folder}`
  if (code === EXIT.failure)
    return `\nnot every machine is in service. Serial consoles, server log and timeline: ${folder}`
  return `\nended early; machines, server and network are gone. Logs: ${folder}`
}

async function chooseAcceleration(
  wish: LabFlags['accel'],
  payload: Payload,
): Promise<{ acceleration: 'tcg' | 'kvm'; reason: string }> {
  if (wish === 'auto') return proveKvm({ kernel: payload.kernel, initrd: payload.initrd })
  if (wish !== 'tcg' && wish !== 'kvm') throw new CliError(`--accel: expected auto, tcg or kvm`, EXIT.usage)
  return { acceleration: wish, reason: 'by --accel' }
}

/** Runs whose logs are kept; of the others, those older than a day go when a new one begins. */
const KEPT_RUNS = 20
const DAY_MS = 86_400_000

/** Logs are kept: they are what a failed boot leaves behind. */
function newFolder(): string {
  const runs = join(cacheFolder(), 'lab')
  mkdirSync(runs, { recursive: true })
  const old = readdirSync(runs)
    .filter((name) => /^[0-9]{4}-/.test(name))
    .sort()
    .slice(0, -KEPT_RUNS)
  for (const name of old)
    if (Date.now() - statSync(join(runs, name)).mtimeMs > DAY_MS)
      rmSync(join(runs, name), { recursive: true, force: true })
  return mkdtempSync(join(runs, `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}-`))
}

/** The folder of every run of this configuration that keeps its disks. */
function keptFolder(configFile: string): string {
  const name = createHash('sha256').update(configFile).digest('hex').slice(0, 12)
  const folder = join(cacheFolder(), 'lab', `kept-${name}`)
  mkdirSync(folder, { recursive: true })
  return folder
}
