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

  /** Octets from here to the end; what a failed read asked for is not taken off. */
  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  /** The offset at which the first read past the end began; undefined while all is well. */
  get failedAt(): number | undefined {
    return this.#failedAt
  }

  /** 0 once a read has failed, as `u16` and `u32`. */
  u8(): number {
    const at = this.#advance(1)
    return at === undefined ? 0 : (this.#bytes[at] ?? 0)
  }

  u16(): number {
    const at = this.#advance(2)
    return at === undefined ? 0 : ((this.#bytes[at] ?? 0) << 8) | (this.#bytes[at + 1] ?? 0)
  }

  u32(): number {
    const at = this.#advance(4)
    if (at === undefined) return 0
    const b = this.#bytes
    return (
      (((b[at] ?? 0) << 24) | ((b[at + 1] ?? 0) << 16) | ((b[at + 2] ?? 0) << 8) | (b[at + 3] ?? 0)) >>> 0
    )
  }

  /** A view, not a copy, of the next `length` bytes; at most 256 zeros once a read has failed. */
  bytes(length: number): Uint8Array {
    const at = this.#advance(length)
    return at === undefined ? new Uint8Array(Math.min(length, 256)) : this.#bytes.subarray(at, at + length)
  }

  /** The offset of the next `length` bytes, which are taken; undefined once a read has failed. */
  #advance(length: number): number | undefined {
    const at = this.#at
    if (this.#failedAt === undefined && length <= this.#bytes.length - at) {
      this.#at = at + length
      return at
    }
    this.#failedAt ??= at
    return undefined
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

  /** Octets as they are, without their length. */
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
