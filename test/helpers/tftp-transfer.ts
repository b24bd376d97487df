/** Transfers without sockets: how they begin, and what they send. */
import assert from 'node:assert/strict'
import { negotiate } from '../../src/protocol/tftp/options.ts'
import { decodeTftp, encodeTftp } from '../../src/protocol/tftp/packet.ts'
import { Transfer } from '../../src/protocol/tftp/transfer.ts'

/** The octets of a file, different enough that a block out of place shows. */
export function content(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >>> 8) * 7 + (i >>> 16) * 13) & 255)
}

export interface Begin {
  readonly size: number
  /** `blksize=8 tsize=0` */
  readonly options?: string
  /** Milliseconds. */
  readonly now?: number
}

/** A transfer of `content(size)` with the options that were granted; its step holds the first packet. */
export function begin({ size, options = '', now = 0 }: Begin): Transfer {
  const requested = options
    .split(' ')
    .filter((pair) => pair !== '')
    .map((pair) => ({ name: pair.split('=')[0] ?? '', value: pair.split('=')[1] ?? '' }))
  const terms = negotiate(requested, { size, maxBlksize: 1468, maxWindow: 16 })
  return new Transfer(content(size), terms, now)
}

export function ack(block: number): Uint8Array {
  return encodeTftp({ kind: 'ack', block })
}

/** `oack tsize=0` or `data 1 (512)`. */
export function shown(bytes: Uint8Array): string {
  const packet = decodeTftp(bytes)
  assert.ok(packet.ok)
  if (packet.value.kind === 'data') return `data ${packet.value.block} (${packet.value.data.length})`
  assert.equal(packet.value.kind, 'oack')
  return `oack ${packet.value.options.map((o) => `${o.name}=${o.value}`).join(' ')}`
}
