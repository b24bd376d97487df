import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { WRAP_LINES } from './live.ts'
import type { KeyStep } from './plan.ts'

/** QEMU makes its socket as it starts; it is tried this often. */
const CONNECT_TRIES = 100
const CONNECT_PAUSE_MS = 50
/** SeaBIOS polls the port with the timer tick, 18 times a second: of keys that come faster some are lost. */
const KEY_PAUSE_MS = 70
/** What is remembered of the screen while waiting for a text, in octets. */
const MEMORY = 64 * 1024
/** A cursor key's sequence, or one octet. */
const KEY = new RegExp(`${'\x1b'}\\[.|[^]`, 'g')
/** Ctrl-], as in telnet. */
const DETACH = 0x1d

/** The serial console of a machine that runs. */
export class SerialConsole {
  readonly #socket: Socket
  readonly #listeners = new Set<(chunk: Buffer) => void>()
  #typing: Promise<void> = Promise.resolve()

  /** Connects to QEMU's socket. Rejects when there is none within five seconds. */
  static async open(path: string): Promise<SerialConsole> {
    for (let i = 0; i < CONNECT_TRIES && !existsSync(path); i += 1) await sleep(CONNECT_PAUSE_MS)
    const socket = connect(path)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new SerialConsole(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      for (const listener of this.#listeners) listener(chunk)
    })
  }

  /** Calls back for what the machine writes from now on; the function returned ends that. */
  onData(listener: (chunk: Buffer) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Types, after all that was typed before, slowly enough for a UART that is polled. Escape sequences stay together. */
  type(text: string): Promise<void> {
    const keys = text.match(KEY) ?? []
    this.#typing = this.#typing.then(async () => {
      for (const key of keys) {
        this.#socket.write(key, 'latin1')
        await sleep(KEY_PAUSE_MS)
      }
    })
    return this.#typing
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Plays steps on a console: each waits for its text, counted from the step before. */
export class KeyPlayer {
  readonly #steps: KeyStep[]
  readonly #console: Pick<SerialConsole, 'type'>
  #screen = ''

  constructor(steps: readonly KeyStep[], console: Pick<SerialConsole, 'type'>) {
    this.#steps = [...steps]
    this.#console = console
  }

  /** What the machine wrote. */
  take(chunk: Buffer): void {
    this.#screen = (this.#screen + chunk.toString('latin1')).slice(-MEMORY)
    const [step] = this.#steps
    if (step === undefined || !shows(this.#screen, step.waitFor)) return
    this.#steps.shift()
    this.#screen = ''
    void this.#console.type(step.send)
  }

  /** The text that is still waited for; undefined when all was typed. */
  get waitsFor(): string | undefined {
    return this.#steps[0]?.waitFor
  }
}

/**
 * Whether a text stands on a console. Repeated characters count once: on a busy machine OVMF's serial console sends a
 * character twice now and then ("2. WWorker").
 */
export function shows(console: string, text: string): boolean {
  return squeeze(stripVTControlCharacters(console)).includes(squeeze(text))
}

function squeeze(text: string): string {
  return text.replace(/(.)\1+/g, '$1')
}

/** A terminal, as far as a console needs it. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
}

/** Gives the terminal to a machine's console until Ctrl-] is pressed or the signal aborts. */
export function attachTerminal(
  console: SerialConsole,
  { stdin, stdout }: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const raw = stdin.isTTY
  if (raw) stdin.setRawMode(true)
  const stop = console.onData((chunk) => void stdout.write(chunk))
  return new Promise((resolve) => {
    const end = (): void => {
      stop()
      stdin.off('data', onKeys).off('end', end)
      signal.removeEventListener('abort', end)
      if (raw) {
        stdin.setRawMode(false)
        stdout.write(WRAP_LINES)
      }
      stdin.pause()
      resolve()
    }
    const onKeys = (keys: Buffer): void => {
      const detach = keys.indexOf(DETACH)
      void console.type(keys.subarray(0, detach < 0 ? undefined : detach).toString('latin1'))
      if (detach >= 0) end()
    }
    stdin.on('data', onKeys).on('end', end)
    signal.addEventListener('abort', end)
  })
}
