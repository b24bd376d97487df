/**
 * Reads a file by TFTP again and again, as many clients: `tftp-client.ts '{"server": ..., ...}'`. Prints one JSON line. Each
 * transfer has a socket of its own, blksize 1468, and acknowledges each full window, as EDK2 and iPXE do.
 */
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'

/** What is asked for. */
export interface TftpLoad {
  readonly server: string
  readonly file: string
  readonly clients: number
  /** The windowsize that is asked for; 1: the option is left out. */
  readonly window: number
  /** One after the other, by each client. */
  readonly transfers: number
  /** Of the file, in hex. */
  readonly sha256: string
}

/** What came of it. */
export interface TftpYield {
  readonly bytes: number
  readonly seconds: number
  /** What the server granted. */
  readonly window: number
  readonly retries: number
}

const BLKSIZE = 1468
const RETRY_MS = 1000
const TRIES = 5

if (import.meta.main)
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '')))}\n`)

async function run(load: TftpLoad): Promise<TftpYield> {
  const begun = performance.now()
  const all = await Promise.all(Array.from({ length: load.clients }, () => readAgain(load)))
  const seconds = (performance.now() - begun) / 1000
  const sum = (value: (one: Transferred) => number): number =>
    all.flat().reduce((total, one) => total + value(one), 0)
  const windows = all.flat().map(({ window }) => window)
  return {
    bytes: sum(({ bytes }) => bytes),
    seconds,
    window: Math.min(...windows),
    retries: sum(({ retries }) => retries),
  }
}

interface Transferred {
  readonly bytes: number
  readonly window: number
  readonly retries: number
}

async function readAgain(load: TftpLoad): Promise<readonly Transferred[]> {
  const done: Transferred[] = []
  for (let i = 0; i < load.transfers; i += 1) done.push(await read(load, i === 0))
  return done
}

function request({ file, window }: TftpLoad): Buffer {
  const options = ['blksize', `${BLKSIZE}`, ...(window === 1 ? [] : ['windowsize', `${window}`])]
  return Buffer.from(`\0\x01${[file, 'octet', ...options].join('\0')}\0`, 'latin1')
}

/** One transfer; rejects on an ERROR, when the server falls silent, or when the file is not the one expected. */
function read(load: TftpLoad, isChecked: boolean): Promise<Transferred> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const hash = createHash('sha256')
    let [expected, bytes, window, inWindow, retries, tries] = [1, 0, 1, 0, 0, 0]
    let last = request(load)
    let port = 69
    let heardAt = performance.now()
    const send = (packet: Buffer): void => {
      last = packet
      socket.send(packet, port, load.server)
    }
    const end = (error?: Error): void => {
      clearInterval(timer)
      socket.close()
      if (error === undefined) resolve({ bytes, window, retries })
      else reject(error)
    }
    const timer = setInterval(() => {
      if (performance.now() - heardAt < RETRY_MS) return
      tries += 1
      retries += 1
      heardAt = performance.now()
      if (tries > TRIES) end(new Error(`the server fell silent at block ${expected}`))
      else socket.send(last, port, load.server)
    }, RETRY_MS / 4)
    const ack = Buffer.from([0, 4, 0, 0])
    socket.on('message', (packet, from) => {
      port = from.port
      heardAt = performance.now()
      tries = 0
      if (packet[1] === 5) return end(new Error(`ERROR ${packet.subarray(4).toString('latin1')}`))
      if (packet[1] === 6) {
        window = Number(/windowsize\0([0-9]+)/i.exec(packet.toString('latin1'))?.[1] ?? 1)
        return send(Buffer.from(ack))
      }
      if (packet[1] !== 3) return
      const isNext = packet.readUInt16BE(2) === (expected & 0xffff)
      const isLast = isNext && packet.length < BLKSIZE + 4
      if (isNext) {
        if (isChecked) hash.update(packet.subarray(4))
        bytes += packet.length - 4
        expected += 1
        inWindow += 1
      }
      if (isNext && !isLast && inWindow < window) return
      inWindow = 0
      ack.writeUInt16BE((expected - 1) & 0xffff, 2)
      if (!isLast) return send(Buffer.from(ack))
      const isRight = !isChecked || hash.digest('hex') === load.sha256
      socket.send(ack, port, load.server, () =>
        end(isRight ? undefined : new Error(`another file came: ${bytes} octets`)),
      )
    })
    socket.on('error', end)
    socket.bind(0, () => send(last))
  })
}
