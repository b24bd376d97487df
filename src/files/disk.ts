import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, glob, open, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileIdentity } from '../lib/file-identity.ts'
import type { ImageSpec } from '../model/config.ts'
import type { Disk } from '../model/disk.ts'
import { imageFiles, mapPayload } from '../model/image.ts'
import type { StoredImages } from '../model/image-store.ts'
import type { TlsFiles, TlsReading } from '../model/tls.ts'
import type { FirmwareFile, Image, ImageFile } from '../model/world.ts'
import { ownPath } from './firmware-links.ts'
import { storeOf } from './image-catalogue.ts'
import { StoredImagesReader } from './stored-images.ts'
import { readTlsPair } from './tls-pair.ts'

const CHUNK = 1 << 20

/** The real file system. Remembers the hashes of files that have not changed. */
export class LocalDisk implements Disk {
  readonly #measured = new Map<string, ImageFile>()
  readonly #stores = new Map<string, StoredImagesReader>()

  readText(path: string): Promise<string> {
    return readFile(path, 'utf8')
  }

  async glob(pattern: string): Promise<readonly string[]> {
    const found: string[] = []
    for await (const path of glob(pattern)) found.push(path)
    return found.sort()
  }

  async isFile(path: string): Promise<boolean> {
    try {
      await access(path, constants.R_OK)
      return (await stat(path)).isFile()
    } catch {
      return false
    }
  }

  async findFirmware(
    dirs: readonly string[],
    names: readonly string[],
  ): Promise<ReadonlyMap<string, FirmwareFile>> {
    const found = new Map<string, FirmwareFile>()
    for (const dir of dirs) {
      for (const name of names) {
        if (found.has(name) || !(await this.isFile(join(dir, name)))) continue
        const path = await ownPath(join(dir, name))
        if (path === undefined) continue
        const stats = await stat(path, { bigint: true })
        const { size, mtimeNs, ino } = stats
        found.set(name, {
          name,
          path,
          size: Number(size),
          revision: `${ino.toString(16)}-${mtimeNs.toString(16)}`,
          identity: fileIdentity(stats),
        })
      }
    }
    return found
  }

  readTlsPair(files: TlsFiles): Promise<TlsReading> {
    return readTlsPair(files, Date.now())
  }

  async measureImage(spec: ImageSpec): Promise<Image> {
    const { name, variants, cmdline, origin } = spec
    const paths = [...new Set(imageFiles(spec))]
    const files = await Promise.all(paths.map(async (path) => [path, await this.#measure(path)] as const))
    const measured = new Map(files)
    const fileAt = (path: string): ImageFile => {
      const file = measured.get(path)
      if (file === undefined) throw new Error(`${path} was not measured`)
      return file
    }
    return {
      ...{ name, cmdline, cite: `${origin.file}:${origin.line}` },
      variants: variants.map((one) => ({ ...one, payload: mapPayload(one.payload, fileAt) })),
    }
  }

  storedImages(folder: string): Promise<StoredImages> {
    const reader = this.#stores.get(folder) ?? new StoredImagesReader(storeOf(folder))
    this.#stores.set(folder, reader)
    return reader.read()
  }

  async #measure(path: string): Promise<ImageFile> {
    // Every script asks: what did not change is not opened again. A change of its mode changes the identity as well.
    const measured = this.#measured.get(path)
    if (measured !== undefined && fileIdentity(await stat(path, { bigint: true })) === measured.identity)
      return measured
    const file = await this.#hash(path)
    this.#measured.set(path, file)
    return file
  }

  async #hash(path: string): Promise<ImageFile> {
    const file = await open(path, 'r')
    try {
      const before = await file.stat({ bigint: true })
      const identity = fileIdentity(before)
      const size = Number(before.size)
      const known = this.#measured.get(path)
      if (known?.identity === identity) return known
      const hash = createHash('sha256')
      const buffer = Buffer.allocUnsafe(CHUNK)
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK, null)
        if (bytesRead === 0) break
        hash.update(buffer.subarray(0, bytesRead))
      }
      return { name: basename(path), path, size, sha256: hash.digest('hex'), identity }
    } finally {
      await file.close()
    }
  }
}
