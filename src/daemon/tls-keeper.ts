import type { HealthItem } from '../app/health.ts'
import type { LocalDisk } from '../files/disk.ts'
import { tlsRevision } from '../files/tls-pair.ts'
import type { HttpsListener } from '../model/config.ts'
import type { TlsPair } from '../model/tls.ts'
import type { HttpsServer } from '../servers/https.ts'
import type { Log } from '../telemetry/log.ts'

export interface TlsKeeperOptions {
  readonly disk: LocalDisk
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The certificate that HTTPS is served with. Its files are looked at again and again: a new pair goes to every server
 * that is open, a pair that cannot be served leaves the old one and is told of.
 */
export class TlsKeeper {
  readonly #options: TlsKeeperOptions
  readonly #servers = new Set<HttpsServer>()
  #pair: TlsPair | undefined
  #problem: string | undefined
  /** Of the files as they were read last, and as they were at the last look. */
  #read: string | undefined
  #seen: string | undefined

  constructor(options: TlsKeeperOptions) {
    this.#options = options
  }

  /** What is served now; undefined while no pair could be read, or none is configured. */
  get pair(): TlsPair | undefined {
    return this.#pair
  }

  /** The server gets every later pair, until it is closed. */
  attach(server: HttpsServer): HttpsServer {
    this.#servers.add(server)
    return {
      ...server,
      close: (graceMs) => {
        this.#servers.delete(server)
        return server.close(graceMs)
      },
    }
  }

  /** Nothing while no HTTPS is configured. */
  health(): readonly HealthItem[] {
    if (this.#seen === undefined) return []
    const problem = this.#problem ?? this.#expiry()
    return [{ name: 'https', ...(problem === undefined ? {} : { problem }) }]
  }

  /**
   * Reads the files if they changed, once two looks found them the same: they are written one after the other. `atOnce`
   * does not wait for the second.
   */
  async look(files: HttpsListener | undefined, { atOnce = false } = {}): Promise<void> {
    if (files === undefined) {
      this.#pair = this.#problem = this.#read = this.#seen = undefined
      return
    }
    const revision = `${files.certificate} ${files.key} ${await tlsRevision(files)}`
    const isSettled = revision === this.#seen || this.#pair === undefined || atOnce
    this.#seen = revision
    if (revision === this.#read || !isSettled) return
    this.#read = revision
    await this.#take(files)
  }

  async #take(files: HttpsListener): Promise<void> {
    const { disk, log } = this.#options
    const { pair, problems } = await disk.readTlsPair(files)
    const lines = problems.map(({ of, message }) => `${files[of]} ${message}`)
    for (const line of lines) log.line(pair === undefined ? 'error' : 'warn', `https: ${line}`)
    if (pair === undefined) {
      const kept = this.#pair === undefined ? '' : '; the old certificate stays'
      this.#problem = `${lines[0] ?? 'no certificate'}${kept}`
      return
    }
    this.#problem = undefined
    if (this.#pair?.sha256 === pair.sha256 && this.#pair.privateKey === pair.privateKey) return
    this.#pair = pair
    for (const server of this.#servers) server.usePair(pair)
    log.line('info', `https: certificate ${pair.sha256.slice(0, 16)} of ${pair.subject}, until ${day(pair)}`)
  }

  #expiry(): string | undefined {
    return this.#pair !== undefined && this.#options.now() > this.#pair.notAfter
      ? `the certificate expired on ${day(this.#pair)}`
      : undefined
  }
}

function day({ notAfter }: TlsPair): string {
  return new Date(notAfter).toISOString().slice(0, 10)
}
