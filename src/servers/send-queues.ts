import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Octets in the kernel's send queues, by `port peer:port`, in the notation of /proc/net/tcp. */
export type SendQueues = ReadonlyMap<string, number>

/** Milliseconds between two looks at a connection: the first pause, and the longest. */
const FIRST_LOOK_MS = 2
const LONGEST_LOOK_MS = 64
/** Looks that do not find the connection: it has ended, which Node learns soon, or the list does not have such ones. */
const BLIND_LOOKS = 3

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
const ROW = { port: [11, 15], peer: [16, 29], queue: [33, 41] } as const

/** tx_queue: octets written and not acknowledged, of those connections that have some. */
export async function readSendQueues(): Promise<SendQueues> {
  const text = await readRows()
  const width = text.indexOf('\n') + 1
  const queues = new Map<string, number>()
  for (let row = width; width > 0 && row < text.length; row += width) {
    // The number before it takes more room from 10 000 on.
    const begin = text.indexOf(':', row)
    const field = ([from, to]: readonly [number, number]): string => text.slice(begin + from, begin + to)
    const queue = field(ROW.queue)
    if (queue !== '00000000') queues.set(`${field(ROW.port)} ${field(ROW.peer)}`, Number.parseInt(queue, 16))
  }
  return queues
}

function readRows(): Promise<string> {
  return readFile('/proc/self/net/tcp', 'latin1').catch(() => '')
}

/**
 * Resolves once the client has acknowledged every octet that was written to its connection; false when that is closed first.
 * True as well, soon, where the kernel does not tell.
 */
export async function acknowledged(socket: Socket, closed: Promise<void>): Promise<boolean> {
  const row = `:${queueName(socket)} `
  let blind = 0
  for (let pause = FIRST_LOOK_MS; !socket.destroyed; pause = Math.min(pause * 2, LONGEST_LOOK_MS)) {
    const text = await nextRows()
    const at = text.indexOf(row)
    // `01 00012345:...`: the state, and the queue.
    if (at >= 0 && text.startsWith('00000000', at + row.length + 3)) return !socket.destroyed
    if (at < 0) blind += 1
    if (blind > BLIND_LOOKS) return !socket.destroyed
    await Promise.race([sleep(pause), closed])
  }
  return false
}

let reading: Promise<unknown> = Promise.resolve()
let next: Promise<string> | undefined

/** What is read after this was called, once for all who wait: an older reading does not know of what was written since. */
function nextRows(): Promise<string> {
  next ??= reading.then(() => {
    next = undefined
    const now = readRows()
    reading = now
    return now
  })
  return next
}
