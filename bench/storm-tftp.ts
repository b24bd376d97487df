import { createSocket, type Socket } from 'node:dgram'

/** EDK2's (MdeModulePkg Mtftp4Dxe): seconds until it repeats itself, and how often. */
const TIMEOUT_MS = 3000
const TRIES = 5
const BLKSIZE = 1468
const WINDOW = 4

export interface Fetched {
  readonly bytes: number
  readonly retries: number
}

interface Asked {
  readonly local: string
  readonly server: string
  readonly file: string
}

/** As EDK2 reads its loader: first its size, which it ends with ERROR 8, then all of it. Rejects when the server is silent. */
export async function readAsEdk2(asked: Asked): Promise<Fetched> {
  const probe = await read(asked, ['tsize', '0'])
  const file = await read(asked, [])
  return { bytes: file.bytes, retries: probe.retries + file.retries }
}

function read({ local, server, file }: Asked, more: readonly string[]): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const options = [...more, 'blksize', `${BLKSIZE}`, 'windowsize', `${WINDOW}`]
    let last: Buffer = Buffer.from(`\0\x01${[file, 'octet', ...options].join('\0')}\0`, 'latin1')
    let [port, expected, bytes, window, inWindow, tries, retries, blksize] = [69, 1, 0, 1, 0, 0, 0, 512]
    let isOutOfStep = false
    let timer: NodeJS.Timeout | undefined
    const send = (packet: Buffer): void => {
      last = packet
      clearTimeout(timer)
      timer = setTimeout(repeat, TIMEOUT_MS)
      socket.send(packet, port, server)
    }
    const repeat = (): void => {
      tries += 1
      retries += 1
      if (tries > TRIES) end(new Error('TFTP silent'))
      else send(last)
    }
    let isOver = false
    const end = (error?: Error): void => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      socket.close()
      if (error === undefined) resolve({ bytes, retries })
      else reject(error)
    }
    const ack = (): Buffer => Buffer.from([0, 4, ((expected - 1) >> 8) & 255, (expected - 1) & 255])
    socket.on('message', (packet, from) => {
      if (port !== 69 && from.port !== port) return
      port = from.port
      tries = 0
      if (packet[1] === 5) return end(new Error(`TFTP ERROR ${packet.subarray(4).toString('latin1')}`))
      if (packet[1] === 6) {
        const text = packet.toString('latin1', 2)
        blksize = Number(/blksize\0([0-9]+)/i.exec(text)?.[1] ?? 512)
        window = Number(/windowsize\0([0-9]+)/i.exec(text)?.[1] ?? 1)
        if (more.length === 0) return send(ack())
        socket.send(Buffer.from('\0\x05\0\x08User aborted the transfer\0', 'latin1'), port, server, () =>
          end(),
        )
        return
      }
      if (packet[1] !== 3) return
      if (packet.readUInt16BE(2) !== (expected & 0xffff)) {
        // A gap: it says once what it has.
        if (!isOutOfStep) send(ack())
        isOutOfStep = true
        inWindow = 0
        return
      }
      isOutOfStep = false
      bytes += packet.length - 4
      expected += 1
      inWindow += 1
      if (packet.length < blksize + 4) {
        socket.send(ack(), port, server, () => end())
        return
      }
      if (inWindow < window) return
      inWindow = 0
      send(ack())
    })
    bindWhenThere(socket, local).then(() => {
      socket.on('error', (error) => end(error))
      send(last)
    }, end)
  })
}

/** A new address of ours is there a moment after `ip` was told to add it. */
async function bindWhenThere(socket: Socket, local: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const error = await new Promise<Error | undefined>((resolve) => {
      socket.once('error', resolve)
      socket.bind({ address: local, port: 0 }, () => {
        socket.off('error', resolve)
        resolve(undefined)
      })
    })
    if (error === undefined) return
    if (tries > 500) throw error
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
