import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { makeTap } from '../../src/lab/namespace.ts'
import { type RunningMachine, startMachine } from '../../src/lab/qemu.ts'
import { SerialConsole } from '../../src/lab/serial-console.ts'
import { mac } from './world.ts'

/** Seconds for one screen, on a busy machine. */
const PATIENCE_S = 90

export interface MachineOptions {
  readonly name: string
  readonly mac: string
  readonly bridge: string
  readonly firmware: 'bios' | 'uefi'
  /** Where its folder is made. */
  readonly folder: string
  /** 512 unless told. */
  readonly memoryMib?: number
}

/** Names their taps. */
let machines = 0

/** A virtual machine whose serial console a test reads and types on. Inside a private network namespace. */
export class MachineAtConsole {
  readonly #machine: RunningMachine
  readonly #console: SerialConsole
  readonly #log: string
  /** Where in the log the next `sees` begins. */
  #seen = 0

  static async powerOn({
    name,
    mac: address,
    bridge,
    firmware,
    folder,
    memoryMib = 512,
  }: MachineOptions): Promise<MachineAtConsole> {
    machines += 1
    const tap = `tap${machines}`
    await makeTap({ name: tap, bridge })
    const machine = startMachine({
      ...{ name, firmware, nic: 'virtio', mac: mac(address), tap, memoryMib, acceleration: 'tcg' },
      ...{
        uuid: `00000000-0000-4000-8000-${address.replaceAll(':', '')}`,
        folder: join(folder, name),
        console: true,
      },
    })
    return new MachineAtConsole(machine, await SerialConsole.open(machine.files.consoleSocket))
  }

  private constructor(machine: RunningMachine, console: SerialConsole) {
    this.#machine = machine
    this.#console = console
    this.#log = machine.files.serialLog
  }

  /** Waits until the console shows the text after what was seen before. */
  async sees(text: string): Promise<void> {
    for (let tries = PATIENCE_S * 10; tries > 0; tries -= 1) {
      const at = this.#screen().indexOf(text, this.#seen)
      if (at >= 0) {
        this.#seen = at + text.length
        return
      }
      await sleep(100)
    }
    assert.fail(`the console never showed "${text}":\n${this.#screen().slice(-3000)}`)
  }

  async types(keys: string): Promise<void> {
    await this.#console.type(keys)
  }

  async powerOff(): Promise<void> {
    this.#console.close()
    await this.#machine.stop()
  }

  #screen(): string {
    return stripVTControlCharacters(readFileSync(this.#log, 'latin1'))
  }
}
