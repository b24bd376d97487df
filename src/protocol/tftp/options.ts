import type { TftpOption } from './packet.ts'

/** RFC 1350 §2: the block size without negotiation, in octets. */
const DEFAULT_BLKSIZE = 512
/** RFC 2348. */
const MIN_BLKSIZE = 8
/** RFC 2348: what one UDP datagram over IPv4 can hold. */
const MAX_BLKSIZE = 65464
/** RFC 7440 §3. */
const MAX_WINDOWSIZE = 65535
/**
 * The longest retransmission timeout we agree to, in seconds. RFC 2349 allows 255; a silent client that asks for so
 * much would hold its socket for many minutes.
 */
const MAX_TIMEOUT_SECONDS = 10

export interface NegotiationLimits {
  /** The size of the file, in octets. */
  readonly size: number
  /** The largest block that reaches the client without fragments: path MTU less 32, in octets. */
  readonly maxBlksize: number
  /** The most blocks in flight: a firmware's receive ring holds few (RFC 7440 leaves the number to the server). */
  readonly maxWindow: number
}

/** What both ends agreed on. */
export interface TransferTerms {
  /** What the OACK says, in the client's order; empty: no OACK, the answer is DATA 1. */
  readonly oack: readonly TftpOption[]
  /** Octets of data in a block (RFC 2348). */
  readonly blksize: number
  /** The client's own retransmission timeout; absent: ours, which grows. */
  readonly timeoutMs?: number
  /** Blocks in flight; 1 without the option windowsize (RFC 7440). */
  readonly window: number
}

/**
 * Answers the options of a read request (RFC 2347-2349, 7440). An option that we do not know, cannot read or cannot grant
 * is left out of the OACK; of an option sent twice the first counts.
 * @throws RangeError when `maxBlksize` is not a block size.
 */
export function negotiate(requested: readonly TftpOption[], limits: NegotiationLimits): TransferTerms {
  if (!(limits.maxBlksize >= MIN_BLKSIZE && limits.maxBlksize <= MAX_BLKSIZE))
    throw new RangeError(`maxBlksize ${limits.maxBlksize} is not in ${MIN_BLKSIZE}..${MAX_BLKSIZE}`)
  const granted = new Map<string, number>()
  const seen = new Set<string>()
  for (const option of requested) {
    if (seen.has(option.name)) continue
    seen.add(option.name)
    const value = grant(option, limits)
    if (value !== undefined) granted.set(option.name, value)
  }
  const timeout = granted.get('timeout')
  return {
    oack: Array.from(granted, ([name, value]) => ({ name, value: String(value) })),
    // Without the option RFC 1350 fixes 512, whatever our maximum says.
    blksize: granted.get('blksize') ?? DEFAULT_BLKSIZE,
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    window: granted.get('windowsize') ?? 1,
  }
}

/** The block size that a client asked for, in octets; undefined when it asked for none that is legal. */
export function requestedBlksize(requested: readonly TftpOption[]): number | undefined {
  const value = decimal(requested.find((option) => option.name === 'blksize')?.value)
  return value !== undefined && value >= MIN_BLKSIZE && value <= MAX_BLKSIZE ? value : undefined
}

function grant(option: TftpOption, limits: NegotiationLimits): number | undefined {
  switch (option.name) {
    case 'blksize': {
      // RFC 2348: never more than asked; EDK2 and U-Boot abort on a larger one.
      const blksize = requestedBlksize([option])
      return blksize === undefined ? undefined : Math.min(blksize, limits.maxBlksize)
    }
    case 'tsize':
      // RFC 2349 §2: the size is sent also when it is 0.
      return decimal(option.value) === undefined ? undefined : limits.size
    case 'timeout': {
      // RFC 2349 §1: this very value or none; EDK2 and U-Boot abort on another.
      const seconds = decimal(option.value)
      return seconds !== undefined && seconds >= 1 && seconds <= MAX_TIMEOUT_SECONDS ? seconds : undefined
    }
    case 'windowsize': {
      // RFC 7440 §4: never more than asked.
      const blocks = decimal(option.value)
      return blocks !== undefined && blocks >= 1 && blocks <= MAX_WINDOWSIZE
        ? Math.min(blocks, limits.maxWindow)
        : undefined
    }
    default:
      return undefined
  }
}

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : undefined
}
