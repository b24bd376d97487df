import type { IncomingMessage, ServerResponse } from 'node:http'
import { Acknowledgements } from './acknowledgements.ts'

const ACKNOWLEDGEMENTS = new Acknowledgements()

/** Writes the body of an answer, one piece at a time. */
export class ResponseWriter {
  /** Resolves when the connection is closed: no octet of ours is read by the kernel any more. */
  readonly closed: Promise<void>
  readonly #response: ServerResponse
  readonly #socket: IncomingMessage['socket']
  #end: ((isTaken: boolean) => void) | undefined
  #isClosed = false

  constructor({ socket }: IncomingMessage, response: ServerResponse) {
    this.#response = response
    this.#socket = socket
    this.closed = new Promise((resolve) => {
      const close = (): void => {
        this.#isClosed = true
        this.#finish(false)
        resolve()
      }
      if (socket.closed) close()
      else {
        socket.once('close', close)
        response.once('finish', () => socket.off('close', close))
      }
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** True when the kernel has taken the octets, so that their memory is free again; false when the client is gone. */
  write(parts: readonly Uint8Array[]): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve(false)
      this.#end = resolve
      const end = (error: Error | null | undefined): void => {
        if (error === null || error === undefined) this.#finish(true)
        // The memory is in use until the connection is closed.
        else if (!this.#isClosed) this.#response.destroy()
      }
      // One system call for all of them, and for the head before the first.
      this.#response.cork()
      parts.forEach((part, index) => {
        if (index === parts.length - 1) this.#response.write(part, end)
        else this.#response.write(part)
      })
      this.#response.uncork()
    })
  }

  /** True when the client has acknowledged all that was written; false when it is gone. */
  async acknowledged(): Promise<boolean> {
    return (await ACKNOWLEDGEMENTS.of(this.#socket, this.closed)) && !this.#isClosed
  }

  #finish(isTaken: boolean): void {
    this.#end?.(isTaken)
    this.#end = undefined
  }
}
