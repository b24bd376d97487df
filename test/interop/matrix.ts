/** What the interop matrix is made of: rows of a client, how it asks, and what came of it. */
import type { Rates } from './lossy-relay.ts'

export type Plane = 'TFTP' | 'HTTP' | 'HTTPS'

/** A file as it was written to disk for the server; the name is the published one. */
export interface InteropFile {
  readonly name: string
  readonly bytes: Buffer
}

/** One run of a client. */
export interface Step {
  /** What is asked for. */
  readonly file: InteropFile
  /** The whole command line; `out` is where it shall write. */
  readonly command: (out: string, at: Target) => readonly string[]
  /** What `out` has before: a partial file, for clients that resume. */
  readonly before?: Buffer
  /** What `out` must have after; default: the file. */
  readonly expected?: Buffer
  /** Another proof than the bytes of `out`: what is wrong with it, or undefined. */
  readonly judge?: (out: Buffer) => string | undefined
}

export interface Target {
  /** Dotted decimal. */
  readonly server: string
  /** `http://10.77.0.1:8080`. */
  readonly http: string
  readonly https: string
  /** Path of the authority's certificate. */
  readonly authority: string
}

/** A client with its options: one row of the matrix, when it has run. */
export interface Trial {
  readonly client: string
  /** The Debian package whose version is printed. */
  readonly package: string
  readonly plane: Plane
  readonly option: string
  readonly steps: readonly Step[]
  /** Left out by `--fast`: more than a few seconds. */
  readonly isSlow?: boolean
  /** Through the lossy relay, with these seeds; `--fast` takes the first. */
  readonly lossy?: Lossy
  /** Milliseconds for one step. */
  readonly patience?: number
}

export interface Lossy {
  readonly seeds: readonly number[]
  readonly rates: Rates
}

/** What is wrong with one step, and with whom: the same defect with other servers is the client's. */
export interface Trouble {
  readonly file: string
  readonly seed?: number
  readonly why: string
  /** How other servers fared with the same client, options, seed and file: `atftpd: the same`. */
  readonly others: readonly string[]
}

export interface Row {
  readonly client: string
  readonly version: string
  readonly plane: Plane
  readonly option: string
  /** `direct`, or what the relay did. */
  readonly path: string
  /** `client`: it fails, and with every other server it was tried with as well. */
  readonly result: 'ok' | 'client' | 'failed' | 'missing'
  /** How the bytes were proved. */
  readonly proof: string
  readonly files: number
  readonly identical: number
  /** Octets that came. */
  readonly octets: number
  readonly seconds: number
  /** Of the largest step. */
  readonly megabytesPerSecond: number
  readonly troubles: readonly Trouble[]
}
