import type { Socket } from 'node:dgram'
import type { Octets } from '../protocol/tftp/packet.ts'

/** The socket of one transfer, bound to an ephemeral port of our address. */
export interface TransferSocket {
  readonly socket: Socket
  /**
   * From now on cuts what is sent into datagrams of so many octets (UDP_SEGMENT, udp(7)), or with 0 no longer; false where
   * that is impossible. Not to be called once the socket is closed.
   */
  readonly segment?: (octets: number) => boolean
  /**
   * Sends at once, past the queue of `socket`, from memory that is free again afterwards. `full`: the kernel has no room now.
   * Not to be called once the socket is closed.
   */
  readonly send?: (bytes: Uint8Array, to: TftpClient) => 'sent' | 'full' | 'failed'
}

/** A file to send, which must not change meanwhile. */
export interface TftpContent extends Octets {
  /** Tells from now on when octets came that `has` missed, or why they never will. Absent: it has all of them. */
  readonly follow?: (told: (error?: Error) => void) => void
  /** Called once, when nobody reads it any more. */
  readonly close?: () => void
}

export interface TftpClient {
  /** Dotted decimal. */
  readonly address: string
  readonly port: number
}

/** What a client wants to read. */
export interface TftpRequest {
  readonly client: TftpClient
  /** The names under which the file may be published, best first; see `candidateNames`. Bytes from the network. */
  readonly names: readonly string[]
  /** What the client sent, safe to print. */
  readonly shownName: string
  /** The block size that it asked for, in octets. */
  readonly blksize?: number
}

export type TftpAnswer =
  /** `name` is the published name; the server closes `content`. */
  | {
      readonly kind: 'file'
      readonly name: string
      readonly content: TftpContent
      /** Called once, when the client has answered for the first time. */
      readonly onHeard?: () => void
      /** The last window leaves when this has resolved without a reason why not; asked once the client has acknowledged the rest. */
      readonly beforeLast?: () => Promise<string | undefined>
    }
  /** `code` is one of `TFTP_ERROR`. `expected`: clients probe for such names, nobody need look. */
  | { readonly kind: 'refuse'; readonly code: number; readonly message: string; readonly expected?: boolean }

/** What happened, without its client. Names and reasons are safe to print; sizes are octets. */
export type TftpHappening =
  /** The client accepted the transfer. `block-number-wraps`: more than 65535 blocks, which some firmware cannot read. */
  | {
      readonly kind: 'start'
      readonly name: string
      readonly size: number
      readonly blksize: number
      readonly warning?: 'block-number-wraps'
    }
  /** At most every 500 ms; `bytes` were acknowledged. */
  | { readonly kind: 'progress'; readonly name: string; readonly bytes: number; readonly size: number }
  /** `unconfirmed`: all was sent, the last ACK never came. */
  | {
      readonly kind: 'done'
      readonly name: string
      readonly bytes: number
      readonly milliseconds: number
      /** Datagrams that went out once more; absent when there were none. */
      readonly retransmitted?: number
      readonly warning?: 'unconfirmed'
    }
  /** The client declined before the first data: it asked for the size only. */
  | { readonly kind: 'probe'; readonly name: string; readonly size: number }
  | {
      readonly kind: 'failed'
      readonly name: string
      readonly bytes: number
      readonly reason: string
      readonly retransmitted?: number
    }
  /** `code` is the ERROR's; absent when nothing was answered. */
  | {
      readonly kind: 'refused'
      readonly name: string
      readonly reason: string
      readonly code?: number
      readonly expected?: boolean
    }
  /** A datagram that is no request, or comes from where nothing may be answered. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** A datagram did not leave; the transfer goes on. */
  | { readonly kind: 'send-failed'; readonly name: string; readonly reason: string }
  /** A defect of ours, or of a function that was passed in. */
  | { readonly kind: 'fault'; readonly error: unknown }

export type TftpObservation = TftpHappening & { readonly client: TftpClient }
