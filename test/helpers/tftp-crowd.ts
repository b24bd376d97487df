/**
 * Many TFTP clients at once, each with an address of its own: `tftp-crowd.ts '{"server": ..., ...}'`. The silent ones ask once and
 * never answer, as forged requests do; the readers read the file to its end. Prints one JSON line.
 */
import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { setTimeout as sleep } from 'node:timers/promises'

/** What is asked for. */
export interface CrowdPlan {
  readonly server: string
  readonly file: string
  readonly silent: number
  readonly readers: number
  readonly perSecond: number
  /** Milliseconds for which the silent ones listen after the last has asked. */
  readonly listenMs: number
}

/** What came of it. Octets are those of UDP datagrams with their IP and UDP headers. */
export interface CrowdYield {
  readonly asked: number
  readonly answered: number
  /** The most that one silent client got, for each octet of its own. */
  readonly worstRatio: number
  readonly mostPackets: number
  /** The readers' files, by SHA-256 in hex; of those that did not end, why. */
  readonly files: readonly string[]
}

const HEADERS = 28
const BLKSIZE = 1468
const RETRY_MS = 1000
const TRIES = 30

async function run(plan: CrowdPlan): Promise<CrowdYield> {
  const silent: Silent[] = []
  const reading: Promise<string>[] = []
  const every = Math.max(1, Math.floor(plan.silent / Math.max(1, plan.readers)))
  const begun = performance.now()
  for (let n = 0; n < plan.silent; n += 1) {
    silent.push(await Silent.ask(plan, n))
    // The readers begin in the midst of the others.
    if (n % every === 0 && reading.length < plan.readers) reading.push(read(plan, reading.length))
    const early = (n * 1000) / plan.perSecond - (performance.now() - begun)
    if (early > 5) await sleep(early)
  }
  while (reading.length < plan.readers) reading.push(read(plan, reading.length))
  const [files] = await Promise.all([Promise.all(reading), sleep(plan.listenMs)])
  for (const one of silent) one.close()
  return {
    asked: silent.length,
    answered: silent.filter(({ packets }) => packets > 0).length,
    worstRatio: Math.max(0, ...silent.map(({ ratio }) => ratio)),
    mostPackets: Math.max(0, ...silent.map(({ packets }) => packets)),
    files,
  }
}

/** The kinds of first answers: an OACK, and a DATA of 512 octets. */
function request(file: string, hasOptions: boolean): Buffer {
  const options = hasOptions ? ['blksize', `${BLKSIZE}`, 'tsize', '0'] : []
  return Buffer.from(`\0\x01${[file, 'octet', ...options].join('\0')}\0`, 'latin1')
}

function address(net: number, n: number): string {
  return `10.${net}.${(n >> 8) & 255}.${n & 255}`
}

async function bound(host: string): Promise<Socket> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(0, host, resolve)
  })
  return socket
}

class Silent {
  readonly #socket: Socket
  readonly #sent: number
  #received = 0
  packets = 0

  private constructor(socket: Socket, sent: number) {
    this.#socket = socket
    this.#sent = sent
    socket.on('message', (bytes) => {
      this.packets += 1
      this.#received += bytes.length + HEADERS
    })
  }

  static async ask({ server, file }: CrowdPlan, n: number): Promise<Silent> {
    const packet = request(file, n % 2 === 0)
    const socket = await bound(address(99, n + 1))
    const one = new Silent(socket, packet.length + HEADERS)
    socket.send(packet, 69, server)
    return one
  }

  get ratio(): number {
    return this.#received / this.#sent
  }

  close(): void {
    this.#socket.close()
  }
}

/** In lock-step, asking again as firmware does. */
async function read({ server, file }: CrowdPlan, n: number): Promise<string> {
  const socket = await bound(address(98, n + 1))
  const hash = createHash('sha256')
  let [expected, tries, port] = [1, 0, 69]
  let last = request(file, true)
  const send = (): void => socket.send(last, port, server)
  return new Promise((resolve) => {
    const end = (outcome: string): void => {
      clearInterval(timer)
      socket.close()
      resolve(outcome)
    }
    const timer = setInterval(() => {
      tries += 1
      if (tries > TRIES) end(`silence at block ${expected}`)
      else send()
    }, RETRY_MS)
    socket.on('message', (packet, from) => {
      port = from.port
      if (packet[1] === 5) return end(`ERROR ${packet.subarray(4).toString('latin1')}`)
      const block = packet[1] === 6 ? 0 : packet.readUInt16BE(2)
      if (packet[1] === 3 && block !== (expected & 0xffff)) return
      tries = 0
      timer.refresh()
      last = Buffer.from([0, 4, block >> 8, block & 255])
      const isLast = packet[1] === 3 && packet.length < BLKSIZE + 4
      if (packet[1] === 3) {
        hash.update(packet.subarray(4))
        expected += 1
      }
      if (isLast) socket.send(last, port, server, () => end(hash.digest('hex')))
      else send()
    })
    send()
  })
}

// The classes are there by now.
if (import.meta.main)
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '')))}\n`)
