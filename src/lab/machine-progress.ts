import type { BootEvent } from '../model/event.ts'
import { TransferProgress, type TransferView } from './transfer-progress.ts'

/** `booting` is every machine that may still get further by itself. */
export type MachineState = 'booting' | 'in-service' | 'local-disk' | 'failed'

/** What a machine is at, as far as the server can see. */
export type Stage =
  | 'power on'
  | 'DISCOVER'
  | 'loader'
  | 'script'
  | 'menu'
  | 'recovery'
  | 'queued'
  | 'kernel'
  | 'initrd'
  | 'starting Linux'
  | 'installed'
  | 'silent'
  | 'in service'
  | 'local disk'
  | 'failed'

type Milestone = 'offer' | 'loader' | 'script' | 'kernel' | 'initrd' | 'inService'
/** Milliseconds from power-on until each was reached for the first time; what was not reached is absent. */
export type Milestones = Readonly<Partial<Record<Milestone, number>>>

export interface BoardMachine {
  readonly name: string
  readonly mac: string
  readonly firmware: string
}

/** One machine as the live picture shows it. */
export interface MachineView {
  readonly name: string
  readonly firmware: string
  readonly state: MachineState
  readonly stage: Stage
  /** Why it failed, or what a silent machine does not do. */
  readonly reason?: string
  readonly profile?: string
  readonly address?: string
  readonly transfer?: TransferView
  /** Milliseconds since 1970. */
  readonly poweredOn: number
  /** Milliseconds since 1970; absent while it boots. */
  readonly settled?: number
  /** 1 from power-on, one more each time its firmware starts over. */
  readonly boots: number
}

/** Where a machine ended, for `--json` and the table. */
export interface MachineOutcome {
  readonly name: string
  readonly mac: string
  readonly firmware: string
  readonly network?: string
  readonly profile?: string
  readonly address?: string
  readonly state: MachineState
  readonly boots: number
  readonly milliseconds: Milestones
  /** Octets of every transfer that ended well. */
  readonly bytes: number
  readonly reason?: string
}

/** How far one machine is, from the server's events about it. No clock: events carry their time. */
export class MachineProgress {
  readonly machine: BoardMachine
  readonly poweredOn: number
  #state: MachineState = 'booting'
  #stage: Stage = 'power on'
  #reason: string | undefined
  #settled: number | undefined
  #boots = 1
  #milestones: Milestones = {}
  #bytes = 0
  #facts: { readonly network?: string; readonly profile?: string; readonly address?: string } = {}
  #transfer: TransferProgress | undefined
  /** Of this boot: whether it has asked for a script, and the first file after a script that boots. */
  #hasScript = false
  #kernel: { file?: string } | undefined
  /** Firmware and loader are through with this boot: when they ask again, the machine has started over. */
  #hasLeftLoader = false
  #isOff = false
  #lastHeard: number

  /** `time` in milliseconds since 1970. */
  constructor(machine: BoardMachine, time: number) {
    this.machine = machine
    this.poweredOn = time
    this.#lastHeard = time
  }

  get state(): MachineState {
    return this.#state
  }

  /** It gets no further, whatever it may still have sent. In service and local disk stay what they are. */
  fail(reason: string, time = this.#lastHeard): void {
    this.#isOff = true
    this.#transfer = undefined
    if (this.#state !== 'booting') return
    const silence = this.#stage === 'silent' ? ` (silent: ${this.#reason})` : ''
    this.#settle('failed', 'failed', time, `${reason}${silence}`)
  }

  /** Takes an event about this machine. Its time may be older than that of the last one. */
  note(event: BootEvent): void {
    this.#lastHeard = Math.max(this.#lastHeard, event.time)
    if (event.network !== undefined) this.#facts = { ...this.#facts, network: event.network }
    const [plane = ''] = event.kind.split('.')
    if (plane === 'report') this.#noteReport(event)
    if (plane === 'dhcp') this.#noteDhcp(event)
    // Anybody can ask for another machine's script; what is only claimed says nothing about this machine.
    if (event.detail['standing'] === 'claimed') return
    if (plane === 'boot') this.#noteTrouble(event)
    if (event.kind === 'http.script' || event.kind === 'tftp.script') this.#noteScript(event)
    else if (plane === 'tftp' || plane === 'http') this.#noteTransfer(event)
  }

  /** `now` in milliseconds since 1970. */
  view(now: number): MachineView {
    const { name, firmware } = this.machine
    const { profile, address } = this.#facts
    return {
      ...{ name, firmware, state: this.#state, stage: this.#stage },
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(profile === undefined ? {} : { profile }),
      ...(address === undefined ? {} : { address }),
      ...(this.#transfer === undefined ? {} : { transfer: this.#transfer.view(now) }),
      poweredOn: this.poweredOn,
      ...(this.#settled === undefined ? {} : { settled: this.#settled }),
      boots: this.#boots,
    }
  }

  outcome(): MachineOutcome {
    const { name, mac, firmware } = this.machine
    return {
      ...{ name, mac, firmware },
      ...this.#facts,
      ...{ state: this.#state, boots: this.#boots, milliseconds: this.#milestones, bytes: this.#bytes },
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    }
  }

  #noteDhcp({ kind, detail, address, time }: BootEvent): void {
    if (kind === 'dhcp.offer') this.#reach('offer', time)
    if (kind === 'dhcp.ack' && address !== undefined) this.#facts = { ...this.#facts, address }
    if (kind !== 'dhcp.discover' || this.#isOff) return
    if (detail['stage'] === 'os') {
      this.#noteSystem()
      return
    }
    // iPXE asks DHCP again when a person wants it to; plain firmware asks a second time only after it has started over.
    const isNewBoot = this.#hasLeftLoader || (detail['stage'] === 'rom' && this.#hasScript)
    if (isNewBoot) this.#startOver()
    this.#go('DISCOVER')
  }

  /** An operating system asks for an address: ours, if this boot has loaded a kernel. */
  #noteSystem(): void {
    this.#hasLeftLoader = true
    if (this.#state !== 'booting' || this.#stage === 'installed') return
    if (this.#kernel?.file !== undefined) this.#go('starting Linux')
    else if (this.#stage === 'power on') this.#go('DISCOVER')
  }

  #startOver(): void {
    this.#boots += 1
    this.#hasLeftLoader = false
    this.#hasScript = false
    this.#kernel = undefined
  }

  #noteScript({ detail, time }: BootEvent): void {
    if (this.#isOff || this.#state === 'in-service') return
    const { script, profile } = detail
    this.#hasScript = true
    this.#kernel = script === 'boot' ? {} : undefined
    this.#reach('script', time)
    if (script === 'boot' && profile !== undefined) this.#facts = { ...this.#facts, profile: String(profile) }
    if (script === 'local-disk') {
      this.#settle('local-disk', 'local disk', time)
      this.#hasLeftLoader = true
    } else if (script === 'recovery') {
      // The server's answer to a failed step: that step is what there is to say.
      if (this.#state !== 'failed') this.#go('recovery')
    } else this.#go(script === 'identify' || script === 'boot' ? 'script' : 'menu')
  }

  #noteTrouble({ kind, detail, time }: BootEvent): void {
    if (this.#isOff || this.#state === 'in-service' || this.#state === 'local-disk') return
    if (kind === 'boot.queued' || kind === 'boot.admitted') {
      this.#go(kind === 'boot.queued' ? 'queued' : 'script')
    } else if (kind === 'boot.failed') {
      const said = [detail['step'] ?? 'a step', detail['see'], detail['url']]
      this.#settle('failed', 'failed', time, said.filter((part) => part !== undefined).join(' '))
      this.#hasLeftLoader = false
    } else {
      this.#go('silent')
      this.#reason = `never came for ${detail['fetch'] ?? 'what it was told'}`
    }
  }

  #noteTransfer({ kind, detail, time }: BootEvent): void {
    if (this.#isOff) return
    const file = String(detail['file'] ?? '')
    const size = Number(detail['size'] ?? 0)
    const done = Number(detail['sent'] ?? detail['bytes'] ?? 0)
    const [plane, what] = kind.split('.')
    if (what === 'done') this.#bytes += done
    // A running system may fetch what it likes: that is no part of its boot.
    if (this.#state === 'in-service' || this.#state === 'local-disk') return
    const stage = plane === 'tftp' ? 'loader' : this.#roleOf(file)
    if (what === 'start' || (what === 'progress' && this.#transfer?.file !== file)) {
      this.#go(stage)
      this.#transfer = new TransferProgress(file, size, time)
    }
    if (what === 'progress' && done > 0) this.#transfer?.advance({ done, size, time })
    if (what === 'done' || what === 'failed') this.#transfer = undefined
    if (what === 'done') this.#reach(stage, time)
    if (what === 'done' && stage === 'initrd') {
      this.#go('starting Linux')
      this.#hasLeftLoader = true
    }
  }

  /** Scripts load the kernel first, then initrds; before any of them, firmware loads a loader. */
  #roleOf(file: string): 'loader' | 'kernel' | 'initrd' {
    if (this.#kernel === undefined) return 'loader'
    this.#kernel.file ??= file
    return this.#kernel.file === file ? 'kernel' : 'initrd'
  }

  #noteReport({ detail, time }: BootEvent): void {
    if (detail['standing'] !== 'verified') return
    const { stage, profile } = detail
    this.#hasLeftLoader = true
    // A rescue system is all that such a boot comes to.
    if (stage === 'in-service' || stage === 'rescue') {
      this.#reach('inService', time)
      this.#facts = { ...this.#facts, ...(profile === undefined ? {} : { profile: String(profile) }) }
      this.#settle('in-service', 'in service', time)
    }
    if (this.#isOff || this.#state === 'in-service') return
    if (stage === 'failed')
      this.#settle('failed', 'failed', time, String(detail['detail'] ?? 'the machine reports a failure'))
    else this.#go(stage === 'installed' ? 'installed' : 'starting Linux')
  }

  #go(stage: Stage): void {
    this.#state = 'booting'
    this.#stage = stage
    this.#reason = undefined
    this.#settled = undefined
    this.#transfer = undefined
  }

  #settle(state: MachineState, stage: Stage, time: number, reason?: string): void {
    if (this.#state === state) return
    this.#go(stage)
    this.#state = state
    this.#settled = time
    this.#reason = reason
  }

  #reach(milestone: Milestone, time: number): void {
    const reached = this.#milestones[milestone] ?? time - this.poweredOn
    this.#milestones = { ...this.#milestones, [milestone]: reached }
  }
}
