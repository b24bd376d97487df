import type { IncomingMessage, ServerResponse } from 'node:http'

/** Writes the body of an answer, one piece at a time. */
export class ResponseWriter {
  /** Resolves when the connection is closed: no octet of ours is read by the kernel any more. */
  readonly closed: Promise<void>
  readonly #response: ServerResponse
  #end: ((isTaken: boolean) => void) | undefined
  #isClosed = false

  constructor({ socket }: IncomingMessage, response: ServerResponse) {
    this.#response = response
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

  /** True when the kernel has taken the octets, so that their memory is free again; false when the client is gone. */
  write(bytes: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve(false)
      this.#end = resolve
      this.#response.write(bytes, (error) => {
        if (error === null || error === undefined) this.#finish(true)
        // The memory is in use until the connection is closed.
        else if (!this.#isClosed) this.#response.destroy()
      })
    })
  }

  #finish(isTaken: boolean): void {
    this.#end?.(isTaken)
    this.#end = undefined
  }
}
