/**
 * Reads what a Linux kernel module says about itself: the NUL-separated `key=value` strings of the ELF section
 * `.modinfo` (Linux, include/linux/moduleparam.h). It stands in for `depmod` and `modinfo`, which a machine
 * that only runs the lab need not have.
 */
export interface ModuleInfo {
  readonly name: string
  /** Modules that must be loaded before, by name with underscores. */
  readonly depends: readonly string[]
  /** Modules that should be loaded before when they exist (`softdep=pre: ...`). */
  readonly softDepends: readonly string[]
  /** Patterns by which hardware and the kernel ask for it: `pci:v00008086d*`, `fs-ext4`. */
  readonly aliases: readonly string[]
}

const ELF64_SECTION_HEADERS_AT = 0x28
const ELF64_SECTION_HEADER_SIZE = 0x3a

/** What a module file says. Throws when the bytes are not a 64-bit little-endian ELF file with `.modinfo`. */
export function readModuleInfo(file: Uint8Array): ModuleInfo {
  const strings = new TextDecoder('latin1').decode(modinfoSection(file)).split('\0')
  const valuesOf = (key: string): string[] =>
    strings.filter((text) => text.startsWith(`${key}=`)).map((text) => text.slice(key.length + 1))
  const name = valuesOf('name')[0]
  if (name === undefined) throw new Error('a kernel module does not say its name')
  const depends = (valuesOf('depends')[0] ?? '').split(',').filter((text) => text !== '')
  const softDepends = valuesOf('softdep').flatMap((text) => preOf(text))
  return {
    ...{ name, depends: depends.map(moduleName), softDepends: softDepends.map(moduleName) },
    aliases: valuesOf('alias'),
  }
}

/** `virtio-rng` and `virtio_rng` are the same module. */
export function moduleName(text: string): string {
  return text.replaceAll('-', '_')
}

/** Looks a module up by name; undefined when there is none (built into the kernel, or not in the package). */
export type FindModule = (name: string) => ModuleInfo | undefined

/** The wanted modules and all they depend on, each after what it needs, each once. Unknown names are left out. */
export function loadOrder(wanted: readonly string[], find: FindModule): string[] {
  const order: string[] = []
  const visited = new Set<string>()
  const visit = (name: string): void => {
    if (visited.has(name)) return
    visited.add(name)
    const info = find(name)
    if (info === undefined) return
    for (const needed of [...info.softDepends, ...info.depends]) visit(needed)
    order.push(name)
  }
  for (const name of wanted) visit(moduleName(name))
  return order
}

function preOf(softdep: string): string[] {
  const before = /(?:^|\s)pre:\s*([^:]*?)(?:\s+post:|$)/.exec(softdep)
  return (before?.[1] ?? '').split(/\s+/).filter((text) => text !== '')
}

/** ELF-64 (System V ABI, "Section Header Table"): 64-byte headers; names live in the section named by e_shstrndx. */
function modinfoSection(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.length < 64 || view.getUint32(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1)
    throw new Error('a kernel module is not a 64-bit little-endian ELF file')
  const table = Number(view.getBigUint64(ELF64_SECTION_HEADERS_AT, true))
  const size = view.getUint16(ELF64_SECTION_HEADER_SIZE, true)
  const count = view.getUint16(ELF64_SECTION_HEADER_SIZE + 2, true)
  const nameTable = view.getUint16(ELF64_SECTION_HEADER_SIZE + 4, true)
  const contentOf = (index: number): Uint8Array => {
    const at = table + index * size
    const start = Number(view.getBigUint64(at + 24, true))
    return file.subarray(start, start + Number(view.getBigUint64(at + 32, true)))
  }
  const names = contentOf(nameTable)
  for (let i = 0; i < count; i += 1) {
    const nameAt = view.getUint32(table + i * size, true)
    const end = names.indexOf(0, nameAt)
    if (new TextDecoder().decode(names.subarray(nameAt, end)) === '.modinfo') return contentOf(i)
  }
  throw new Error('a kernel module has no section .modinfo')
}
