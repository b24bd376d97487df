import type { ImageSpec } from './config.ts'
import type { StoredImages } from './image-store.ts'
import type { TlsFiles, TlsReading } from './tls.ts'
import type { FirmwareFile, Image } from './world.ts'

/** What the use cases need of the file system. Every method rejects with a sentence that names the file. */
export interface Disk {
  readText(path: string): Promise<string>
  /** Absolute paths that match a glob, sorted. */
  glob(pattern: string): Promise<readonly string[]>
  isFile(path: string): Promise<boolean>
  /** The files of these names in these directories; an earlier directory wins. Missing directories are empty. */
  findFirmware(dirs: readonly string[], names: readonly string[]): Promise<ReadonlyMap<string, FirmwareFile>>
  /** Reads and judges a certificate and its key as of now; what is wrong is in the answer. */
  readTlsPair(files: TlsFiles): Promise<TlsReading>
  /** Measures and hashes an image's files; cheap when they have not changed since the last call. */
  measureImage(spec: ImageSpec): Promise<Image>
  /** The images of the store in a folder; cheap when nothing was added or removed since the last call. */
  storedImages(folder: string): Promise<StoredImages>
}
