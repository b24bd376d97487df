import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Octets in the kernel's send queues, by `port peer:port`, in the notation of /proc/net/tcp. */
export type SendQueues = ReadonlyMap<string, number>

/** Of the time, one part in so many goes to reading the list at most: it has a row for each connection of the machine. */
const REST = 8

/** The name of a connection among the queues. */
export function queueName({ localPort = 0, remoteAddress = '', remotePort = 0 }: Socket): string {
  const octets = remoteAddress
    .replace(/^::ffff:/, '')
    .split('.')
    .map(Number)
    .reverse()
  return `${hex(localPort, 4)} ${octets.map((octet) => hex(octet, 2)).join('')}:${hex(remotePort, 4)}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}

/** Of /proc/net/tcp: `   0: 0100007F:1F90 0200007F:D2F0 01 00012345:00000000 ...`, all rows of one length; after the first colon: */
const ROW = { port: [11, 15], peer: [16, 29], state: [30, 32], queue: [33, 41] } as const
/** ESTABLISHED and CLOSE_WAIT (include/net/tcp_states.h): the others have no socket here that still writes. */
const WRITABLE = ['01', '08']

let reading: Promise<unknown> = Promise.resolve()
let next: Promise<SendQueues | undefined> | undefined

/**
 * tx_queue: octets written and not acknowledged, of all connections over IPv4 that are open; undefined when the kernel's list cannot
 * be read. Read after this was called, once for all who wait for it.
 */
export function readSendQueues(): Promise<SendQueues | undefined> {
  next ??= reading.then(() => {
    next = undefined
    const begun = performance.now()
    const now = readRows()
    reading = now.then(() => sleep((REST - 1) * (performance.now() - begun), undefined, { ref: false }))
    return now
  })
  return next
}

async function readRows(): Promise<SendQueues | undefined> {
  try {
    return parseRows(await readFile('/proc/self/net/tcp', 'latin1'))
  } catch {
    return undefined
  }
}

function parseRows(text: string): SendQueues {
  const width = text.indexOf('\n') + 1
  const queues = new Map<string, number>()
  for (let row = width; width > 0 && row < text.length; row += width) {
    // The number before it takes more room from 10 000 on.
    const begin = text.indexOf(':', row)
    const field = ([from, to]: readonly [number, number]): string => text.slice(begin + from, begin + to)
    if (!WRITABLE.includes(field(ROW.state))) continue
    queues.set(`${field(ROW.port)} ${field(ROW.peer)}`, Number.parseInt(field(ROW.queue), 16))
  }
  return queues
}
