import { rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { PacketStream } from './packet-stream.ts'
import { type PlainPxeStage, rewriteSentFrame } from './plain-pxe.ts'

/** A relay for the frames one machine sends; give `sentFrames` to its {@link Machine} before it is started. */
export interface PlainPxeRelay {
  readonly sentFrames: { readonly toRelay: string; readonly fromRelay: string }
  /** `loader` once the machine has asked for its loader over TFTP. */
  stage(): PlainPxeStage
  close(): Promise<void>
}

/** Listens on two Unix sockets in the folder, to which QEMU's filter-redirector connects. One relay per machine. */
export async function openPlainPxeRelay(folder: string): Promise<PlainPxeRelay> {
  const toRelay = join(folder, 'to-relay.sock')
  const fromRelay = join(folder, 'from-relay.sock')
  const sockets = new Set<Socket>()
  let back: Socket | undefined
  let stage: PlainPxeStage = 'rom'
  const stream = new PacketStream((frame) => {
    const rewritten = rewriteSentFrame(frame, stage)
    stage = rewritten.stage
    back?.write(PacketStream.encode(rewritten.frame))
  })
  const servers = [
    await listen(toRelay, sockets, (socket) => socket.on('data', (chunk: Buffer) => stream.push(chunk))),
    await listen(fromRelay, sockets, (socket) => {
      back = socket
      socket.resume()
    }),
  ]
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
  return { sentFrames: { toRelay, fromRelay }, stage: () => stage, close }
}

function listen(path: string, sockets: Set<Socket>, onSocket: (socket: Socket) => void): Promise<Server> {
  rmSync(path, { force: true })
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    onSocket(socket)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}
