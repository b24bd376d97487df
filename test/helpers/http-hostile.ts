/**
 * Clients that cost a server something, in a process of their own: `http-hostile.ts '{"kind": "headers", ...}'`. Says `ready` once
 * all are connected, and prints what became of them as one JSON line at SIGTERM.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Hostile {
  /** A head that comes an octet a second; a body that does; an answer that nobody reads. */
  readonly kind: 'headers' | 'bodies' | 'stalled'
  readonly count: number
  readonly host: string
  readonly port: number
  /** The addresses that its connections have in turn. */
  readonly sources: readonly string[]
  /** Of `stalled`: what is asked for, each connection another place of it. */
  readonly path?: string
  readonly size?: number
}

export interface Suffered {
  /** Connections that the server closed. */
  readonly closed: number
  /** The longest that one of them was open, in seconds. */
  readonly longest: number
}

async function run(hostile: Hostile): Promise<void> {
  const lives: number[] = []
  const sockets: Socket[] = []
  for (let index = 0; index < hostile.count; index += 1) {
    sockets.push(open(hostile, index, lives))
    if (index % 100 === 99) await sleep(10)
  }
  process.stdout.write('ready\n')
  let at = 0
  const drip = setInterval(() => send(hostile, sockets, at++), 1000)
  await new Promise((resolve) => process.once('SIGTERM', resolve))
  clearInterval(drip)
  const suffered: Suffered = { closed: lives.length, longest: Math.max(0, ...lives) }
  process.stdout.write(`${JSON.stringify(suffered)}\n`)
  process.exit(0)
}

function open(
  { kind, host, port, sources, path = '/', size = 0, count }: Hostile,
  index: number,
  lives: number[],
): Socket {
  const localAddress = sources[index % sources.length] ?? '0.0.0.0'
  const socket = connect({ host, port, localAddress })
  let begun = performance.now()
  socket.on('connect', () => {
    begun = performance.now()
    const from = Math.floor((size / count) * index)
    if (kind === 'stalled') socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nRange: bytes=${from}-\r\n\r\n`)
    else if (kind === 'bodies')
      socket.write('POST /boot/52-54-00-99-00-01.ipxe HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n')
  })
  if (kind === 'stalled') socket.pause()
  else socket.resume()
  socket.on('error', () => {})
  socket.on('close', () => lives.push((performance.now() - begun) / 1000))
  return socket
}

const HEAD = `GET / HTTP/1.1\r\nHost: ${'x'.repeat(1000)}`

function send({ kind }: Hostile, sockets: readonly Socket[], at: number): void {
  if (kind === 'stalled') return
  for (const socket of sockets)
    if (!socket.destroyed && socket.writable && !socket.connecting)
      socket.write(kind === 'headers' ? (HEAD[at] ?? 'x') : 'x')
}

if (import.meta.main) await run(JSON.parse(process.argv[2] ?? ''))
