import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

/** A disk's size, checked: bytes as digits, or a number with M, G or T (powers of 1024), as qemu-img reads it. */
export type DiskSize = string & { readonly __brand: 'DiskSize' }

const SIZE = /^[1-9][0-9]{0,14}[MGT]?$/

const run = promisify(execFile)

/** Reads what a person wrote as the size of a disk: `67108864`, `512M`, `4G`. Undefined for anything else. */
export function parseDiskSize(text: string): DiskSize | undefined {
  return SIZE.test(text) ? (text as DiskSize) : undefined
}

/**
 * Makes an empty qcow2 disk of this virtual size at `path`, with missing folders, unless there is a file: that is
 * never touched, whatever its size and content. Says which of both. Rejects with qemu-img's reason.
 */
export async function ensureDisk(
  path: string,
  size: DiskSize,
  say: (line: string) => void = () => {},
): Promise<void> {
  if (existsSync(path)) return say(`disk ${path} is kept as it is`)
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', temporary, size])
    // Unlike a rename, a link never takes the place of a file that somebody made meanwhile.
    linkSync(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
  say(`disk ${path} is made: ${size}, empty`)
}
