import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { cacheFolder, writeAtomically } from './cache.ts'
import type { Acceleration } from './qemu-arguments.ts'

/** Which acceleration to use, and why, as a phrase for the operator. */
export interface AccelerationChoice {
  readonly acceleration: Acceleration
  readonly reason: string
}

/** What the choice is made from. Each probe is asked only when those before it leave hope. */
export interface KvmProbes {
  /** The flags line of /proc/cpuinfo. */
  readonly cpuFlags: () => readonly string[]
  /** Undefined when /dev/kvm opens for reading and writing, else why it does not. */
  readonly deviceFailure: () => string | undefined
  /** Whether a kernel reaches its first line on the serial console under KVM. */
  readonly boots: () => Promise<boolean>
}

/**
 * Some hosts have a /dev/kvm that runs firmware and then dies in the first kernel, or crawls: nested or
 * paravirtual KVM without the processor's help. So KVM is used only when it has booted a kernel here.
 */
export async function chooseAcceleration(probes: KvmProbes): Promise<AccelerationChoice> {
  const flags = probes.cpuFlags()
  if (!flags.includes('vmx') && !flags.includes('svm'))
    return emulate('the processor offers no virtualisation (no vmx or svm flag)')
  const failure = probes.deviceFailure()
  if (failure !== undefined) return emulate(failure)
  if (!(await probes.boots())) return emulate('a kernel did not boot under KVM')
  return { acceleration: 'kvm', reason: 'a kernel booted under KVM' }
}

export interface KvmProofOptions {
  /** The payload's kernel and initrd; /init prints the marker. */
  readonly kernel: string
  readonly initrd: string
  /** Default: Centra PXE's cache folder. */
  readonly cache?: string
}

const CHOICE = z.object({ acceleration: z.enum(['tcg', 'kvm']), reason: z.string() })

/** What /init prints first. */
const MARKER = 'centra: payload started'
const BOOT_TIMEOUT_MS = 20_000

/** The choice for this machine; a trial boot is remembered until kernel, processor or QEMU change. */
export async function proveKvm(options: KvmProofOptions): Promise<AccelerationChoice> {
  const file = join(options.cache ?? cacheFolder(), `kvm-${machineKey()}.json`)
  return chooseAcceleration({
    cpuFlags,
    deviceFailure,
    boots: async () => {
      const known = readChoice(file)
      if (known !== undefined) return known.acceleration === 'kvm'
      const booted = await bootsUnderKvm(options)
      const choice: AccelerationChoice = { acceleration: booted ? 'kvm' : 'tcg', reason: 'trial boot' }
      writeAtomically(file, `${JSON.stringify(choice)}\n`)
      return booted
    },
  })
}

function emulate(reason: string): AccelerationChoice {
  return { acceleration: 'tcg', reason }
}

function readChoice(file: string): AccelerationChoice | undefined {
  if (!existsSync(file)) return undefined
  try {
    return CHOICE.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    // A damaged file is as good as none: the trial is made again.
    return undefined
  }
}

function machineKey(): string {
  const qemu = spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).stdout ?? ''
  const model = /^model name\s*:.*$/m.exec(cpuinfo())?.[0] ?? ''
  return createHash('sha256').update([release(), model, qemu].join('\0')).digest('hex').slice(0, 16)
}

function cpuFlags(): readonly string[] {
  return /^flags\s*:(.*)$/m.exec(cpuinfo())?.[1]?.trim().split(/\s+/) ?? []
}

function cpuinfo(): string {
  return readFileSync('/proc/cpuinfo', 'utf8')
}

function deviceFailure(): string | undefined {
  try {
    closeSync(openSync('/dev/kvm', 'r+'))
    return undefined
  } catch (error) {
    return `/dev/kvm does not open: ${error instanceof Error ? error.message : String(error)}`
  }
}

function bootsUnderKvm({ kernel, initrd }: KvmProofOptions): Promise<boolean> {
  const args = [
    ...['-accel', 'kvm', '-cpu', 'host', '-machine', 'pc', '-m', '512', '-smp', '1'],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0,115200 quiet panic=-1'],
  ]
  const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), BOOT_TIMEOUT_MS)
  let said = ''
  let booted = false
  child.stdout.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('latin1')).slice(-65536)
    if (!said.includes(MARKER)) return
    booted = true
    child.kill('SIGKILL')
  })
  return new Promise((resolve) => {
    child.on('error', () => resolve(false))
    child.on('close', () => {
      clearTimeout(timer)
      resolve(booted)
    })
  })
}
