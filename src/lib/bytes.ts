/**
 * A cursor over bytes whose errors stick: a read past the end returns zeros and sets `failedAt`, so a decoder
 * reads straight on and checks once. All integers are big-endian (network order).
 */
export class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  #failedAt: number | undefined

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The offset of the next byte. */
  get at(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** The offset at which the first read past the end began; undefined while all is well. */
  get failedAt(): number | undefined {
    return this.#failedAt
  }

  u8(): number {
    return this.#take(1)[0] ?? 0
  }

  u16(): number {
    const b = this.#take(2)
    return ((b[0] ?? 0) << 8) | (b[1] ?? 0)
  }

  u32(): number {
    const b = this.#take(4)
    return (((b[0] ?? 0) << 24) | ((b[1] ?? 0) << 16) | ((b[2] ?? 0) << 8) | (b[3] ?? 0)) >>> 0
  }

  /** A view, not a copy, of the next `length` bytes; at most 256 zeros once a read has failed. */
  bytes(length: number): Uint8Array {
    return this.#take(length)
  }

  #take(length: number): Uint8Array {
    if (this.#failedAt === undefined && length <= this.remaining) {
      const view = this.#bytes.subarray(this.#at, this.#at + length)
      this.#at += length
      return view
    }
    this.#failedAt ??= this.#at
    return new Uint8Array(Math.min(length, 256))
  }
}

/** Collects bytes in network order. A number that does not fit its field is our own mistake: it throws RangeError. */
export class Writer {
  #buffer = new Uint8Array(576)
  #at = 0

  get length(): number {
    return this.#at
  }

  u8(value: number): void {
    this.#unsigned(value, 1)
  }

  u16(value: number): void {
    this.#unsigned(value, 2)
  }

  u32(value: number): void {
    this.#unsigned(value, 4)
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** Zeros until the total is at least `length`. */
  padTo(length: number): void {
    if (length > this.#at) this.bytes(new Uint8Array(length - this.#at))
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#buffer.slice(0, this.#at)
  }

  #unsigned(value: number, width: 1 | 2 | 4): void {
    if (!Number.isInteger(value) || value < 0 || value >= 256 ** width)
      throw new RangeError(`${value} does not fit ${width} octet${width === 1 ? '' : 's'}`)
    this.#room(width)
    for (let shift = (width - 1) * 8; shift >= 0; shift -= 8) this.#buffer[this.#at++] = value >>> shift
  }

  #room(more: number): void {
    if (this.#at + more <= this.#buffer.length) return
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#at + more))
    larger.set(this.#buffer)
    this.#buffer = larger
  }
}
