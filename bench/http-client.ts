/**
 * Loads a file over HTTP as many clients, again and again: `http-client.ts '{"server": ..., ...}'`. Prints one JSON line. What
 * arrives is counted, not kept; the first answer's length has to be right.
 */
import { connect } from 'node:net'

export interface HttpLoad {
  readonly server: string
  readonly port: number
  readonly path: string
  /** Of the file, in octets. */
  readonly size: number
  readonly connections: number
  /** Over all connections. */
  readonly requests: number
  /** Octets of each range, at random places; absent: the whole file. */
  readonly range?: number
  /** The client's own addresses, which its connections have in turn; absent: the one that the kernel chooses. */
  readonly sources?: readonly string[]
}

export interface HttpYield {
  readonly bytes: number
  readonly seconds: number
  /** Of each answer the wait for its first octet, in milliseconds; in no order. */
  readonly firstOctets: readonly number[]
}

/** One buffer for all connections: receiving should cost the client as little as it can. */
const buffer = Buffer.allocUnsafeSlow(512 << 10)

if (import.meta.main)
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '')))}\n`)

async function run(load: HttpLoad): Promise<HttpYield> {
  const begun = performance.now()
  const left = { requests: load.requests }
  const all = await Promise.all(
    Array.from({ length: load.connections }, (_, index) => loadAgain(load, left, index)),
  )
  const bytes = all.reduce((sum, one) => sum + one.bytes, 0)
  const firstOctets = all.flatMap((one) => one.firstOctets)
  return { bytes, seconds: (performance.now() - begun) / 1000, firstOctets }
}

type Loaded = Pick<HttpYield, 'bytes' | 'firstOctets'>

/** Requests on one connection, one after another. */
function loadAgain(load: HttpLoad, left: { requests: number }, index: number): Promise<Loaded> {
  return new Promise((resolve, reject) => {
    let bytes = 0
    let head: string | undefined = ''
    let missing = 0
    let asked = performance.now()
    const firstOctets: number[] = []
    const ask = (): void => {
      if (left.requests === 0) {
        socket.destroy()
        resolve({ bytes, firstOctets })
        return
      }
      left.requests -= 1
      head = ''
      asked = performance.now()
      socket.write(request(load))
    }
    const take = (count: number): boolean => {
      let from = 0
      if (head !== undefined) {
        if (head === '') firstOctets.push(performance.now() - asked)
        const before = head.length
        head += buffer.toString('latin1', 0, Math.min(count, 8192))
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return true
        missing = Number(/^Content-Length: (\d+)\r$/im.exec(head)?.[1])
        from = end + 4 - before
        if (!/^HTTP\/1\.1 20[06] /.test(head) || missing !== (load.range ?? load.size))
          socket.destroy(new Error(`unexpected answer: ${head.slice(0, 200)}`))
        head = undefined
      }
      bytes += count - from
      missing -= count - from
      if (missing === 0) ask()
      return true
    }
    const { server: host, port, sources = [] } = load
    const localAddress = sources[index % sources.length]
    const from = localAddress === undefined ? {} : { localAddress }
    const socket = connect({ host, port, ...from, onread: { buffer, callback: take } }, ask)
    socket.on('error', reject)
    socket.on('end', () => reject(new Error('the server closed the connection')))
  })
}

function request({ path, range, size }: HttpLoad): string {
  const first = range === undefined ? 0 : Math.floor(Math.random() * Math.floor(size / range)) * range
  const wanted = range === undefined ? '' : `Range: bytes=${first}-${first + range - 1}\r\n`
  return `GET ${path} HTTP/1.1\r\nHost: bench\r\n${wanted}\r\n`
}
