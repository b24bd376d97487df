/** What crossed a machine's cable, put together again: each TFTP transfer and each HTTP answer, by what was asked for. */
import { readFileSync } from 'node:fs'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { readPcap } from '../../src/protocol/pcap.ts'
import { decodeTftp } from '../../src/protocol/tftp/packet.ts'

export interface Carried {
  /** As it was asked for. */
  readonly name: string
  /** Of a TFTP request: `blksize 1432, tsize 0`. */
  readonly options: string
  readonly bytes: Buffer
  readonly seconds: number
}

interface Frame {
  readonly micros: number
  readonly bytes: Uint8Array
}

interface Transfer {
  readonly name: string
  readonly options: string
  readonly blocks: Map<number, Buffer>
  readonly begun: number
  ended: number
  last: number
}

function framesOf(file: string): readonly Frame[] {
  const capture = readPcap(readFileSync(file))
  if (!capture.ok) throw new Error(`${file}: ${capture.error.code}`)
  return capture.value.packets.map(({ timeMicros, bytes }) => ({ micros: timeMicros, bytes }))
}

/** Block numbers wrap; a block that came again is the same one. */
export function tftpTransfers(file: string): readonly Carried[] {
  const asked = new Map<string, Omit<Transfer, 'blocks' | 'ended' | 'last'>>()
  const transfers = new Map<string, Transfer>()
  for (const { micros, bytes } of framesOf(file)) {
    const frame = parseEthernetUdp(bytes)
    if (!frame.ok) continue
    const { source, sourcePort, destination, destinationPort, payload } = frame.value
    const packet = decodeTftp(payload)
    if (!packet.ok) continue
    if (packet.value.kind === 'rrq' && destinationPort === 69) {
      const options = packet.value.options.map(({ name, value }) => `${name} ${value}`).join(', ')
      asked.set(`${source} ${sourcePort}`, { name: packet.value.nameText, options, begun: micros })
    }
    const request = asked.get(`${destination} ${destinationPort}`)
    if (packet.value.kind !== 'data' || request === undefined) continue
    const key = `${destination} ${destinationPort} ${sourcePort}`
    const transfer = transfers.get(key) ?? { ...request, blocks: new Map(), ended: 0, last: 0 }
    transfers.set(key, transfer)
    const block = transfer.last + (((packet.value.block - transfer.last) << 16) >> 16)
    transfer.last = Math.max(transfer.last, block)
    transfer.blocks.set(block, Buffer.from(packet.value.data))
    transfer.ended = micros
  }
  return [...transfers.values()].map(({ name, options, blocks, begun, ended }) => ({
    ...{ name, options, seconds: (ended - begun) / 1e6 },
    bytes: Buffer.concat([...blocks].sort(([a], [b]) => a - b).map(([, data]) => data)),
  }))
}

interface Stream {
  readonly first: number
  readonly parts: Map<number, Uint8Array>
  readonly begun: number
  ended: number
}

/** Answers of 200 to GET, from this port of the server; connections are told apart by the client's port. */
export function httpAnswers(file: string, port: number): readonly Carried[] {
  const [up, down] = [new Map<string, Stream>(), new Map<string, Stream>()]
  for (const { micros, bytes } of framesOf(file)) {
    const segment = tcpSegment(bytes)
    if (segment === undefined) continue
    const { from, to, fromPort, toPort, sequence, payload } = segment
    const [streams, key] = toPort === port ? [up, `${from} ${fromPort}`] : [down, `${to} ${toPort}`]
    if ((toPort !== port && fromPort !== port) || payload.length === 0) continue
    const stream = streams.get(key) ?? { first: sequence, parts: new Map(), begun: micros, ended: micros }
    streams.set(key, stream)
    stream.ended = micros
    const offset = (sequence - stream.first) | 0
    if ((stream.parts.get(offset)?.length ?? -1) < payload.length) stream.parts.set(offset, payload)
  }
  return [...up].flatMap(([key, asks]) => {
    const answers = down.get(key)
    return answers === undefined ? [] : answersOf(asks, answers)
  })
}

function answersOf(asks: Stream, answers: Stream): readonly Carried[] {
  const requests = [
    ...whole(asks)
      .toString('latin1')
      .matchAll(/^(GET|HEAD|POST) (\S+) HTTP/gm),
  ]
  const text = whole(answers)
  const seconds = (answers.ended - asks.begun) / 1e6
  const carried: Carried[] = []
  let at = 0
  for (const [, method, name = ''] of requests) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end < 0) break
    const head = text.toString('latin1', at, end)
    const length = method === 'HEAD' ? 0 : Number(/^Content-Length: (\d+)/im.exec(head)?.[1] ?? 0)
    at = end + 4 + length
    if (method === 'GET' && / 200 /.test(head.split('\r\n')[0] ?? ''))
      carried.push({ name, options: '', bytes: text.subarray(end + 4, at), seconds })
  }
  return carried
}

/** The octets in order, up to the first that is missing. */
function whole({ parts }: Stream): Buffer {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const [offset, part] of [...parts].sort(([a], [b]) => a - b)) {
    if (offset > at) break
    if (offset + part.length <= at) continue
    pieces.push(part.subarray(at - offset))
    at = offset + part.length
  }
  return Buffer.concat(pieces)
}

interface Segment {
  readonly from: string
  readonly to: string
  readonly fromPort: number
  readonly toPort: number
  readonly sequence: number
  readonly payload: Uint8Array
}

/** RFC 791 and RFC 9293 §3.1; undefined for anything else than TCP in IPv4 in Ethernet. */
function tcpSegment(frame: Uint8Array): Segment | undefined {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  if (bytes.length < 54 || bytes.readUInt16BE(12) !== 0x0800 || bytes[23] !== 6) return undefined
  const tcp = 14 + (bytes.readUInt8(14) & 15) * 4
  const end = 14 + bytes.readUInt16BE(16)
  return {
    from: bytes.toString('hex', 26, 30),
    to: bytes.toString('hex', 30, 34),
    fromPort: bytes.readUInt16BE(tcp),
    toPort: bytes.readUInt16BE(tcp + 2),
    sequence: bytes.readUInt32BE(tcp + 4),
    payload: bytes.subarray(tcp + (bytes.readUInt8(tcp + 12) >> 4) * 4, end),
  }
}
