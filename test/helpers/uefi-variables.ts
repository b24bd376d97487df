/** The variable store of an OVMF that is switched off, as edk2 lays it out (MdeModulePkg/Include/Guid/VariableFormat.h). */
import assert from 'node:assert/strict'

/** EFI_FIRMWARE_VOLUME_HEADER: its signature, and where its own length is. */
const VOLUME_SIGNATURE = { at: 40, text: '_FVH' } as const
const VOLUME_HEADER_LENGTH_AT = 48
const STORE_HEADER_LENGTH = 28
/** AUTHENTICATED_VARIABLE_HEADER. */
const VARIABLE = { start: 0x55aa, stateAt: 2, nameSizeAt: 36, dataSizeAt: 40, headerLength: 60 } as const
/** States: a cleared bit says so. */
const ADDED = 0x3f
const DELETED = 0xfd

interface Variable {
  readonly at: number
  readonly name: string
  readonly state: number
  readonly dataAt: number
  readonly dataEnd: number
}

/** A copy in which firmware trusts more: its `db` (UEFI 2.10 §32.4.1) with this EFI_SIGNATURE_LIST behind what it has. */
export function withTrusted(store: Uint8Array, list: Uint8Array): Uint8Array {
  const out = Buffer.from(store)
  const all = variablesIn(out)
  const db = all.find(({ name, state }) => name === 'db' && state === ADDED)
  const last = all.at(-1)
  assert.ok(db !== undefined && last !== undefined, 'no store, or no db in it')
  const changed = Buffer.concat([out.subarray(db.at, db.dataEnd), list])
  changed.writeUInt32LE(db.dataEnd - db.dataAt + list.length, VARIABLE.dataSizeAt)
  const free = aligned(last.dataEnd)
  assert.ok(out.subarray(free, free + changed.length).every((octet) => octet === 0xff))
  out.writeUInt8(ADDED & DELETED, db.at + VARIABLE.stateAt)
  changed.copy(out, free)
  return out
}

function variablesIn(store: Buffer): readonly Variable[] {
  const { at: signature, text } = VOLUME_SIGNATURE
  assert.equal(store.toString('latin1', signature, signature + text.length), text)
  const all: Variable[] = []
  let at = store.readUInt16LE(VOLUME_HEADER_LENGTH_AT) + STORE_HEADER_LENGTH
  while (store.readUInt16LE(at) === VARIABLE.start) {
    const nameAt = at + VARIABLE.headerLength
    const dataAt = nameAt + store.readUInt32LE(at + VARIABLE.nameSizeAt)
    const dataEnd = dataAt + store.readUInt32LE(at + VARIABLE.dataSizeAt)
    const name = store.toString('utf16le', nameAt, dataAt - 2)
    all.push({ at, name, state: store.readUInt8(at + VARIABLE.stateAt), dataAt, dataEnd })
    at = aligned(dataEnd)
  }
  return all
}

function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4
}
