import { z } from 'zod'
import { DEFAULT_TFTP_LIMITS } from '../model/tftp-limits.ts'
import { duration, rate, size } from './shapes.ts'

/** `server.limits`: what clients may cost, with units. */

const count = z
  .number('expected a number')
  .int('expected a whole number')
  .min(1, 'expected a number above 0')
  .max(1_000_000, 'expected a number to 1000000')

const cacheSize = z.union([z.literal(0), size('8MiB', '1TiB')], {
  error: ({ input, code, ...issue }) =>
    (code === 'invalid_union' && typeof input === 'string' ? issue.errors[1]?.[0]?.message : undefined) ??
    'expected 0 or a size such as 256MiB',
})

/** A whole number between these two. */
function between(least: number, most: number): z.ZodNumber {
  const message = `expected a whole number from ${least} to ${most}`
  return z.number(message).int(message).min(least, message).max(most, message)
}

/** Those with units stand in `model/tftp-limits.ts` once more, as numbers. */
export const TftpLimitsSchema = z.strictObject({
  transfers: between(16, 20_000)
    .default(DEFAULT_TFTP_LIMITS.transfers)
    .describe('Transfers at the same time on each network; each has a socket'),
  perClient: between(1, 1000)
    .default(DEFAULT_TFTP_LIMITS.perClient)
    .describe('Transfers of one address at the same time'),
  windowsize: between(1, 64)
    .default(DEFAULT_TFTP_LIMITS.windowsize)
    .describe('Most blocks in flight that are granted (RFC 7440); receive rings of firmware hold few'),
  blksize: between(512, 65_464)
    .default(DEFAULT_TFTP_LIMITS.blksize)
    .describe('Largest block that is granted, in octets; never more than the MTU of the interface less 32'),
  timeout: duration('1s', '10s')
    .prefault('1s')
    .describe(
      "Until a packet is sent again; it doubles each time to 8s. A client's own timeout comes before it",
    ),
  retries: between(1, 20)
    .default(DEFAULT_TFTP_LIMITS.retries)
    .describe('How often a packet is sent again; to a client that never answered at most twice'),
  fileSize: size('1MiB', '4GiB')
    .prefault('256MiB')
    .describe('Larger files are refused: HTTP brings them in a fraction of the time'),
})

/** The defaults stand in `model/http-limits.ts` once more, as numbers. */
export const HttpLimitsSchema = z.strictObject({
  cache: cacheSize
    .prefault('128MiB')
    .describe(
      'Memory for files that the kernel does not send by itself: HTTPS, ranges, paced transfers; 0: none is kept',
    ),
  headers: duration('1s', '1h').prefault('10s').describe('Until when the head of a request has to be there'),
  request: duration('1s', '1h').prefault('20s').describe('Until when the whole request has to be there'),
  idle: duration('15s', '1h')
    .prefault('65s')
    .describe('How long a connection without a request is kept; iPXE keeps its own for about 10s'),
  stall: duration('5s', '1h')
    .prefault('30s')
    .describe('A client that takes not one octet of an answer for so long is cut'),
  minRate: rate('1B/s', '100MB/s')
    .prefault('16KiB/s')
    .describe('Slower clients are cut while more than half of connections, transfers or cache are taken'),
  connections: count.default(4096).describe('Connections at the same time, over all networks'),
  connectionsPerClient: count
    .default(32)
    .describe('Connections of one address, while more than half of all are taken'),
  transfers: count
    .default(1024)
    .describe('Files of more than 1 MiB that are sent at the same time; further ones wait their turn'),
  waiting: count.default(2048).describe('How many of these may wait; further ones get 503 with Retry-After'),
})
