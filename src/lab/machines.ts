import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Board } from './board.ts'
import { ensureDisk, parseDiskSize } from './disk-image.ts'
import type { Picture } from './live.ts'
import { makeTap } from './namespace.ts'
import { openPlainPxeRelay, type PlainPxeRelay } from './plain-pxe-relay.ts'
import type { KeyStep, LabPlan, PlannedMachine } from './plan.ts'
import { type RunningMachine, startMachine } from './qemu.ts'
import { attachTerminal, KeyPlayer, SerialConsole } from './serial-console.ts'

interface Shown {
  readonly board: Board
  readonly picture: Picture
}

/** The machines of one lab: switched on together, with their disks, consoles and keys. */
export class Machines {
  readonly #plan: LabPlan
  readonly #shown: Shown
  readonly #running: RunningMachine[] = []
  readonly #relays: PlainPxeRelay[] = []
  readonly #consoles: SerialConsole[] = []
  readonly #players = new Map<string, KeyPlayer>()
  readonly #ending = new AbortController()
  #attached: Promise<void> = Promise.resolve()

  constructor(plan: LabPlan, shown: Shown) {
    this.#plan = plan
    this.#shown = shown
  }

  /** One after the other; rejects when a machine cannot be made. */
  async powerOn(): Promise<void> {
    for (const [index, machine] of this.#plan.machines.entries()) await this.#powerOn(machine, index)
  }

  /** Resolves when no terminal is attached any more. */
  consoleIsFree(): Promise<void> {
    return this.#attached
  }

  /** Texts that were waited for and never came. */
  get unansweredKeys(): readonly { readonly machine: string; readonly waitsFor: string }[] {
    return [...this.#players].flatMap(([machine, { waitsFor }]) =>
      waitsFor === undefined ? [] : [{ machine, waitsFor }],
    )
  }

  /** Resolves when every QEMU has ended. */
  async powerOff(): Promise<void> {
    this.#ending.abort()
    for (const console of this.#consoles) console.close()
    await Promise.all(this.#running.map((machine) => machine.stop()))
    await Promise.all(this.#relays.map((relay) => relay.close()))
  }

  async #powerOn(planned: PlannedMachine, index: number): Promise<void> {
    const { name, mac, firmware, nic, network } = planned
    const { memoryMib, acceleration, keep: keepVariables } = this.#plan
    const folder = join(this.#plan.folder, name)
    mkdirSync(folder, { recursive: true })
    const relay = planned.plainPxe ? await openPlainPxeRelay(folder) : undefined
    if (relay !== undefined) this.#relays.push(relay)
    // No operator's interface is named so, and ours share a namespace with theirs.
    const tap = `~tap${index}`
    const bridge = this.#plan.bridges.find((one) => one.network === network)
    if (bridge === undefined) throw new Error(`${name} has no bridge for ${network}`)
    await makeTap({ name: tap, bridge: bridge.name })
    const disk = await this.#disk(folder)
    const keys = this.#plan.keys.filter(({ machine }) => machine === name)
    const talks = keys.length > 0 || this.#plan.console === name
    this.#shown.board.powerOn(planned, Date.now())
    const running = startMachine({
      ...{ name, mac, firmware, nic, uuid: uuidOf(mac), tap, memoryMib, acceleration, folder },
      ...{ keepVariables, console: talks },
      ...(disk === undefined ? {} : { disk: { path: disk, format: 'qcow2' } }),
      ...(relay === undefined ? {} : { sentFrames: relay.sentFrames }),
    })
    this.#running.push(running)
    void running.exited.then(({ code, stderr }) =>
      this.#shown.board.fail(mac, `QEMU ended with ${code} ${stderr}`.trim(), Date.now()),
    )
    if (talks) await this.#talk(name, running.files.consoleSocket, keys)
  }

  async #talk(name: string, socket: string, keys: readonly KeyStep[]): Promise<void> {
    const console = await SerialConsole.open(socket)
    this.#consoles.push(console)
    const player = new KeyPlayer(keys, console)
    this.#players.set(name, player)
    console.onData((chunk) => player.take(chunk))
    if (this.#plan.console !== name) return
    const { picture } = this.#shown
    picture.line(`the serial console of ${name}; Ctrl-] leaves it`)
    picture.pause()
    const { json } = this.#plan
    const { stdin, stdout, stderr } = process
    this.#attached = attachTerminal(
      console,
      { stdin, stdout: json ? stderr : stdout },
      this.#ending.signal,
    ).then(() => picture.resume())
  }

  async #disk(folder: string): Promise<string | undefined> {
    const size = parseDiskSize(this.#plan.diskSize ?? '')
    if (size === undefined) return undefined
    const path = join(folder, 'disk.qcow2')
    await ensureDisk(path, size, (line) => this.#shown.picture.line(line))
    return path
  }
}

/** A UUID of its own for each machine: QEMU's default is all zeros, as on bad hardware. */
function uuidOf(mac: string): string {
  return `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`
}
