import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { loadOrder, type ModuleInfo, moduleName, readModuleInfo } from './modinfo.ts'

/** A kernel module, decompressed. */
export interface KernelModule {
  /** With underscores, as in /proc/modules. */
  readonly name: string
  readonly data: Uint8Array
  readonly info: ModuleInfo
}

const MODULE_FILE = /([^/]+)\.ko(?:\.xz|\.zst|\.gz)?$/
const MODULE_LIMIT_BYTES = 64 * 1024 * 1024

/**
 * The wanted modules and all they depend on, in the order in which they can be loaded.
 * A wanted name that the folder does not have is left out: it may be built into this kernel.
 */
export function collectModules(folder: string, wanted: readonly string[]): readonly KernelModule[] {
  const paths = modulePaths(folder)
  const read = new Map<string, { readonly data: Uint8Array; readonly info: ModuleInfo }>()
  const order = loadOrder(wanted, (name) => {
    const path = paths.get(name)
    if (path === undefined) return undefined
    const data = readModule(path)
    const info = readModuleInfo(data)
    read.set(name, { data, info })
    return info
  })
  return order.flatMap((name) => {
    const found = read.get(name)
    return found === undefined ? [] : [{ name, ...found }]
  })
}

function modulePaths(folder: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const stem = MODULE_FILE.exec(file)?.[1]
    if (stem !== undefined) paths.set(moduleName(stem), join(folder, file))
  }
  return paths
}

/** busybox's insmod hands bytes to the kernel as they are, so compressed modules are unpacked here. */
function readModule(path: string): Uint8Array {
  const bytes = readFileSync(path)
  if (path.endsWith('.gz')) return gunzipSync(bytes)
  if (path.endsWith('.zst')) return zstdDecompressSync(bytes)
  if (path.endsWith('.xz')) return unxz(path, bytes)
  return bytes
}

function unxz(path: string, bytes: Uint8Array): Uint8Array {
  const { status, stdout } = spawnSync('xz', ['-dc'], { input: bytes, maxBuffer: MODULE_LIMIT_BYTES })
  if (status !== 0) throw new Error(`xz cannot decompress ${path}`)
  return stdout
}
