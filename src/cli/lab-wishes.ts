import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { loadConfig } from '../app/load-config.ts'
import { LocalDisk } from '../files/disk.ts'
import { type DiskSize, parseDiskSize } from '../lab/disk-image.ts'
import { parseKeys } from '../lab/keys.ts'
import { type KeyStep, type LabPlan, PlanError, planMachines } from '../lab/plan.ts'
import { openRecording } from '../lab/recording.ts'
import type { Config } from '../model/config.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { requireConfig, say } from './output.ts'

/** What was typed after `lab`; everything in here is checked before anything is downloaded or built. */
export interface LabFlags {
  readonly config?: string
  readonly node: readonly string[]
  readonly unknown: number
  readonly firmware?: 'bios' | 'uefi'
  readonly plainPxe: readonly string[]
  readonly payload?: boolean
  readonly disk?: DiskSize
  readonly keep?: boolean
  readonly stay?: boolean
  readonly console?: string
  readonly keys?: string
  readonly record?: string
  readonly json?: boolean
  readonly accel: 'auto' | 'tcg' | 'kvm'
  /** MiB of each machine. */
  readonly memory: number
  /** Seconds. */
  readonly timeout: number
  readonly capture?: boolean
}

/** The configuration; a wrong one ends the command, with a hint where the lab could do without its images. */
export async function requireLabConfig(file: string, usesPayload: boolean): Promise<Config> {
  try {
    return await requireConfig(file, { load: { ownImages: !usesPayload } })
  } catch (error) {
    const { config } = await loadConfig(file, new LocalDisk(), { ownImages: false })
    if (error instanceof CliError && !usesPayload && config !== undefined)
      say("with --payload the lab boots a small Linux of its own, and the images' files need not be there")
    throw error
  }
}

type PlannedMachines = Pick<LabPlan, 'bridges' | 'machines'>

/** The machines and bridges; what cannot be is a usage error. */
export function planLab(
  config: Config,
  { node: nodes, unknown, plainPxe, firmware }: LabFlags,
): PlannedMachines {
  try {
    return planMachines(config, {
      ...{ nodes, unknown, plainPxe },
      ...(firmware === undefined ? {} : { firmware }),
    })
  } catch (error) {
    throw error instanceof PlanError ? new CliError(error.message, EXIT.usage) : error
  }
}

/** The steps of `--keys`, each for a machine of this run. */
export function readKeys(file: string | undefined, planned: PlannedMachines): KeyStep[] {
  if (file === undefined) return []
  const parsed = parseKeys(readKeysFile(file), file)
  if (!parsed.ok) throw new CliError(parsed.error.join('\ncentra-pxe: '), EXIT.usage)
  for (const { machine } of parsed.value) requireMachine(file, machine, planned)
  return [...parsed.value]
}

function readKeysFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CliError(`--keys: ${file} cannot be read: ${reason}`, EXIT.usage)
  }
}

/** A CliError (exit code 2) that lists the machines of this run; `where` names the flag or file that asked for another. */
export function requireMachine(where: string, name: string, { machines }: PlannedMachines): void {
  if (machines.some((machine) => machine.name === name)) return
  const names = machines.map((machine) => machine.name).join(', ')
  throw new CliError(`${where}: there is no machine ${name} in this run; there are ${names}`, EXIT.usage)
}

/** The process inside opens it again; here it only has to be possible. */
export function requireRecording(file: string): void {
  const opened = openRecording(resolve(file))
  if (!opened.ok) throw new CliError(`--record: ${opened.error}`, EXIT.usage)
  opened.value.close()
}

/** For commander: an InvalidArgumentError becomes wrong use, exit code 2. */
export function readNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value <= 0)
    throw new InvalidArgumentError('expected a whole number above 0')
  return value
}

/** `--disk`, for commander: an InvalidArgumentError is wrong use, exit code 2. */
export function readSize(text: string): DiskSize {
  const size = parseDiskSize(text)
  if (size === undefined) throw new InvalidArgumentError('expected a size such as 512M or 4G')
  return size
}
