/** A network in private namespaces with a real server on it, and machines of QEMU that are switched on one by one. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeBridge, makeTap } from '../../src/lab/namespace.ts'
import { type RunningMachine, startMachine } from '../../src/lab/qemu.ts'
import { type Machine, machineFiles } from '../../src/lab/qemu-arguments.ts'
import { configWithPayload } from './lab-run.ts'
import { answerRouterSolicitations } from './quiet-router.ts'
import { loggedEvents, type Running, startCentra } from './server.ts'
import { mac as macOf } from './world.ts'

/** From the power button to the report of an emulated machine on a busy host. */
export const BOOT_PATIENCE_MS = 180_000
const SITE = '/run/site'
const NODES = join(import.meta.dirname, '../e2e/nodes.yaml')

export interface BootRoom {
  readonly config: string
  /** The site's own loaders. */
  readonly firmware: string
  /** Starts `serve`; to be stopped by the caller. */
  serve(): Promise<Running>
  powerOn(machine: MachineWish): Promise<BootingMachine>
}

export interface BootingMachine extends Pick<RunningMachine, 'stop'> {
  /** What its serial console has said. */
  readonly serial: () => string
}

export interface MachineWish
  extends Partial<
    Pick<Machine, 'firmware' | 'uefiBoots' | 'secureBoot' | 'disk' | 'sentFrames' | 'httpsAuthorities'>
  > {
  readonly name: string
  readonly mac: string
  /** A file of UEFI variables that it starts from. Default: those of OVMF. */
  readonly variables?: string
}

/**
 * In the namespaces of `inNetns` only. `change` rewrites the configuration of nodes.yaml, whose images are the payload's two
 * files and whose `server:` has state and loaders of its own.
 */
export async function makeBootRoom(change: (text: string) => string = (text) => text): Promise<BootRoom> {
  await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
  answerRouterSolicitations('prov0')
  const firmware = join(SITE, 'firmware')
  mkdirSync(firmware, { recursive: true })
  const config = await configWithPayload(NODES, SITE)
  const text = `${readFileSync(config, 'utf8').trimEnd()}\nserver: { stateDir: ./state, firmware: ./firmware }\n`
  writeFileSync(config, change(text))
  return {
    config,
    firmware,
    async serve() {
      const server = startCentra('serve', '--config', config, '--log', 'json')
      await server.stderrMatch(/^ready .*$/m)
      return server
    },
    powerOn: switchOn,
  }
}

async function switchOn({ mac, variables, ...wish }: MachineWish): Promise<BootingMachine> {
  const tap = `tap-${wish.name}`.slice(0, 15)
  const folder = `/run/${wish.name}`
  mkdirSync(folder, { recursive: true })
  if (variables !== undefined) copyFileSync(variables, machineFiles({ folder }).uefiVariables)
  if (!existsSync(`/sys/class/net/${tap}`)) await makeTap({ name: tap, bridge: 'prov0' })
  const running = startMachine({
    ...{ firmware: 'uefi', nic: 'virtio', tap, folder, memoryMib: 512, acceleration: 'tcg' },
    ...(variables === undefined ? {} : { keepVariables: true }),
    ...wish,
    mac: macOf(mac),
    uuid: `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`,
  })
  const log = running.files.serialLog
  return { stop: () => running.stop(), serial: () => (existsSync(log) ? readFileSync(log, 'latin1') : '') }
}

/** What a machine asked for and got, in order, each repetition told once. */
export function stepsOf(server: Running, mac: string): readonly string[] {
  const steps = loggedEvents(server.stderr)
    .filter(
      (event) =>
        event['mac'] === mac &&
        /^(dhcp\.discover|boot\.|report|(tftp|https?)\.(?!progress))/.test(event.kind),
    )
    .map(({ kind, detail }) => `${kind} ${subjectOf(detail)}`.trim())
  return steps.filter((step, i) => step !== steps[i - 1])
}

/** What an event is about: an architecture, a file, a script, a stage; a kind of asker where there is no architecture. */
function subjectOf(detail: Readonly<Record<string, unknown>>): string {
  const found = ['arch', 'file', 'script', 'stage'].map((key) => detail[key]).find((one) => one !== undefined)
  return typeof found === 'string' ? found : ''
}

/** Ends a machine that booted, with its console where it did not. */
export async function switchOff(machine: BootingMachine, hasBooted: () => Promise<unknown>): Promise<void> {
  try {
    await hasBooted()
  } catch (error) {
    assert.ok(error instanceof Error)
    error.message += `\nits console:\n${machine.serial().slice(-4000)}`
    throw error
  } finally {
    await machine.stop()
  }
}
