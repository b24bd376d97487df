/** What a program or library says it needs to be started (System V ABI, "Dynamic Section"). */
export interface ElfNeeds {
  /** The dynamic linker, `/lib64/ld-linux-x86-64.so.2`; libraries and static programs name none. */
  readonly interpreter?: string
  /** Names of libraries (DT_NEEDED), in their order. */
  readonly libraries: readonly string[]
}

const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const DT_NEEDED = 1
const DT_STRTAB = 5

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

/** Undefined when the bytes are no 64-bit little-endian ELF file: a script, for instance. Throws when one is cut short. */
export function readElfNeeds(file: Uint8Array): ElfNeeds | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 64 || view.getUint32(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) return undefined
  const segments = readSegments(view)
  const interp = segments.find(({ type }) => type === PT_INTERP)
  const interpreter = interp === undefined ? undefined : textAt(file, interp.offset)
  const libraries = readLibraries(file, view, segments)
  return interpreter === undefined ? { libraries } : { interpreter, libraries }
}

function readSegments(view: DataView): readonly Segment[] {
  const table = Number(view.getBigUint64(0x20, true))
  const size = view.getUint16(0x36, true)
  return Array.from({ length: view.getUint16(0x38, true) }, (_, i) => {
    const at = table + i * size
    return {
      type: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 8, true)),
      address: Number(view.getBigUint64(at + 16, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    }
  })
}

function readLibraries(file: Uint8Array, view: DataView, segments: readonly Segment[]): readonly string[] {
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC)
  if (dynamic === undefined) return []
  const entries: { readonly tag: number; readonly value: number }[] = []
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16)
    entries.push({
      tag: Number(view.getBigInt64(at, true)),
      value: Number(view.getBigUint64(at + 8, true)),
    })
  const strings = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0
  const home = segments.find(
    ({ type, address, size }) => type === PT_LOAD && strings >= address && strings < address + size,
  )
  if (home === undefined) throw new Error('an ELF file has its strings outside of itself')
  const base = strings - home.address + home.offset
  return entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(file, base + value))
}

function textAt(file: Uint8Array, at: number): string {
  const end = file.indexOf(0, at)
  if (end < 0) throw new Error('an ELF file is cut short')
  return new TextDecoder('latin1').decode(file.subarray(at, end))
}
