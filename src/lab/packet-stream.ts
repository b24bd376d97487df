/**
 * Frames on a byte stream as QEMU's socket network back ends send them: a 32-bit big-endian length, then that
 * many bytes (QEMU, net/net.c, net_fill_rstate).
 */
export class PacketStream {
  readonly #onPacket: (packet: Uint8Array) => void
  #pending: Uint8Array = new Uint8Array(0)

  constructor(onPacket: (packet: Uint8Array) => void) {
    this.#onPacket = onPacket
  }

  /** A packet as it goes on the stream. */
  static encode(packet: Uint8Array): Uint8Array {
    const out = new Uint8Array(LENGTH_SIZE + packet.length)
    new DataView(out.buffer).setUint32(0, packet.length)
    out.set(packet, LENGTH_SIZE)
    return out
  }

  /** Takes the next piece of the stream and hands on each packet it completes. */
  push(chunk: Uint8Array): void {
    let bytes = chunk
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length)
      bytes.set(this.#pending)
      bytes.set(chunk, this.#pending.length)
    }
    let at = 0
    while (bytes.length - at >= LENGTH_SIZE) {
      const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0)
      if (length > PACKET_LIMIT) throw new Error(`a packet of ${length} bytes: the stream is out of step`)
      if (bytes.length - at - LENGTH_SIZE < length) break
      this.#onPacket(bytes.subarray(at + LENGTH_SIZE, at + LENGTH_SIZE + length))
      at += LENGTH_SIZE + length
    }
    this.#pending = bytes.slice(at)
  }
}

const LENGTH_SIZE = 4
/** QEMU's NET_BUFSIZE is 68 KiB. */
const PACKET_LIMIT = 68 * 1024
