/** What TFTP spends on its clients: `server.limits.tftp`. */
export interface TftpLimits {
  /** Transfers at the same time, over all clients of a network; one more ends the oldest that was never answered, or waits. */
  readonly transfers: number
  /** Of one client address. */
  readonly perClient: number
  /** Blocks in flight (windowsize, RFC 7440). */
  readonly windowsize: number
  /** Octets of a block; never more than an interface sends in one piece. */
  readonly blksize: number
  /** Seconds until a packet without an answer is sent again; it doubles each time. A client's own comes before it. */
  readonly timeout: number
  /** How often it is sent again. To a client that never answered at most twice. */
  readonly retries: number
  /** Octets of a file. */
  readonly fileSize: number
}

/** Where nothing is configured. */
export const DEFAULT_TFTP_LIMITS: TftpLimits = {
  transfers: 4096,
  perClient: 16,
  windowsize: 16,
  blksize: 1468,
  timeout: 1,
  retries: 5,
  fileSize: 256 * 2 ** 20,
}
