import { archesOfLoader, isShim } from '../boot/loaders.ts'
import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import type { BootEvent } from '../model/event.ts'

/** Seconds in which a loader that runs asks for something; iPXE does within five, behind a slow switch port within forty. */
const PATIENCE_S = 60
/** What firmware does later than this is no sequel: somebody may have changed its boot order meanwhile. */
const SEQUEL_MS = 10 * 60_000
/** Refusals farther apart than this are no row. */
const ROW_MS = 30 * 60_000
/** Machines that are watched at the same time; of more, the oldest are forgotten. */
const MOST = 4096

/** A loader that firmware has fetched whole, and that has shown no sign of itself since. */
interface Fetched {
  readonly done: BootEvent
  readonly file: string
  /** Of the firmware that fetched it, as option 93 said. */
  readonly arch: string
  /** Milliseconds since 1970. */
  since: number
  /** Its silence was told. */
  isTold: boolean
}

/**
 * Notices UEFI firmware that fetched a loader and did not start it, or whose loader ended at once. Firmware does not say why:
 * with Secure Boot it is the only thing the network ever sees of a refusal. What it does next is the evidence.
 */
export class RefusalWatch {
  /** What firmware is at work, by its last DISCOVER; nothing once a loader speaks. */
  readonly #firmware = new OldestFirst<Mac, string>()
  readonly #fetched = new OldestFirst<Mac, Fetched>()
  /** When machines began again with the same boot option. */
  readonly #again = new OldestFirst<Mac, number>()
  #due: BootEvent[] = []

  /** Takes every event of the timeline, in their order. */
  note(event: BootEvent): void {
    const { mac, kind, detail } = event
    if (mac === undefined || kind.startsWith('boot.') || detail['standing'] === 'claimed') return
    if (kind === 'dhcp.discover') this.#discover(mac, event)
    else if (isFetch(kind)) this.#fetch(mac, event)
    else {
      const fetched = this.#fetched.get(mac)
      if (fetched !== undefined && showsLoader(event, fetched.file)) this.#runs(mac)
    }
  }

  /** The clock was set, by so many milliseconds. */
  move(by: number): void {
    for (const [, fetched] of this.#fetched) fetched.since += by
  }

  /** What became certain since the last call, each once. `now` in milliseconds since 1970. */
  due(now: number): readonly BootEvent[] {
    const events = this.#due
    this.#due = []
    for (const [mac, fetched] of this.#fetched) {
      if (now - fetched.since >= SEQUEL_MS) this.#fetched.delete(mac)
      if (fetched.isTold || now - fetched.since < PATIENCE_S * 1000) continue
      fetched.isTold = true
      events.push(silent(fetched, now))
    }
    return events
  }

  #discover(mac: Mac, event: BootEvent): void {
    const { stage, arch } = event.detail
    const fetched = this.#fetched.get(mac)
    const firmware = stage === 'rom' && typeof arch === 'string' ? arch : undefined
    if (stage !== 'rom' && stage !== 'os') {
      this.#runs(mac)
      return
    }
    this.#fetched.delete(mac)
    if (fetched !== undefined) this.#wentOn(mac, fetched, { event, firmware })
    if (firmware === undefined) this.#firmware.delete(mac)
    else remember(this.#firmware, mac, firmware)
  }

  #fetch(mac: Mac, event: BootEvent): void {
    const { file } = event.detail
    const arch = this.#firmware.get(mac)
    if (typeof file !== 'string' || arch === undefined || !isWatched(file, arch)) {
      this.#runs(mac)
      return
    }
    remember(this.#fetched, mac, { done: event, file, arch, since: event.time, isTold: false })
  }

  /** Firmware, or the system on the disk, asks for an address where the loader should have asked for something. */
  #wentOn(mac: Mac, fetched: Fetched, { event, firmware }: Next): void {
    const isSame = firmware === fetched.arch
    const before = this.#again.get(mac)
    if (isSame) remember(this.#again, mac, event.time)
    // Once is what a machine looks like that was switched off and on.
    if (isSame && (before === undefined || event.time - before > ROW_MS)) return
    const seconds = Math.round((event.time - fetched.since) / 1000)
    const reason = isSame
      ? 'was not started, or ended at once, twice in a row: the firmware asks for it again'
      : firmware === undefined
        ? `was not started, or ended at once: a system on the disk asks for an address ${seconds} s later`
        : `was not started, or ended at once: the firmware goes on to its next boot option, ${firmware}, ${seconds} s later`
    this.#due.push({
      ...whose(fetched.done),
      ...{ time: event.time, kind: 'boot.refused' },
      detail: { file: fetched.file, reason, hint: hint(fetched.file) },
    })
  }

  #runs(mac: Mac): void {
    this.#fetched.delete(mac)
    this.#firmware.delete(mac)
    this.#again.delete(mac)
  }
}

interface Next {
  readonly event: BootEvent
  /** What firmware asks; undefined: none does. */
  readonly firmware: string | undefined
}

function isFetch(kind: BootEvent['kind']): boolean {
  return kind === 'tftp.done' || kind === 'http.done'
}

/** iPXE and shim ask for something as soon as they run; of another program nobody knows. BIOS refuses nothing. */
function isWatched(file: string, arch: string): boolean {
  return arch.startsWith('uefi-') && (archesOfLoader(file).length > 0 || isShim(file))
}

/** Any other file, script or report; and not the same file again, which some firmware reads twice. */
function showsLoader({ kind, detail }: BootEvent, file: string): boolean {
  if (kind === 'report') return true
  return /^(tftp|https?)\./.test(kind) && detail['file'] !== file
}

function silent({ done, file }: Fetched, now: number): BootEvent {
  const detail = {
    fetch: `what ${file} asks for first`,
    seconds: PATIENCE_S,
    hint: `the machine was switched off, ${file} finds no network card, or ${refused(file)}`,
  }
  return { ...whose(done), time: now, kind: 'boot.silent', detail }
}

function hint(file: string): string {
  return `its own screen says why; the usual cause: ${refused(file)}`
}

function refused(file: string): string {
  return isShim(file)
    ? `Secure Boot without Microsoft's UEFI CA, or with ${file} revoked: allow that CA in the firmware, or fetch a newer shim`
    : `Secure Boot, which starts no ${file}: name a signed chain, loader: shimx64.efi (firmware fetch --signed), or switch it off`
}

function whose({ mac, node, network, address }: BootEvent): Partial<BootEvent> {
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(node === undefined ? {} : { node }),
    ...(network === undefined ? {} : { network }),
    ...(address === undefined ? {} : { address }),
  }
}

function remember<T>(map: OldestFirst<Mac, T>, mac: Mac, value: T): void {
  map.set(mac, value)
  map.trim(MOST)
}
