import type { Image, ImageFile } from './world.ts'

/** A file of the image store; its octets lie under its hash. */
export interface StoredFile {
  /** As machines see it; unlike the other names of its version. */
  readonly name: string
  /** Octets. */
  readonly size: number
  /** Lower-case hex. */
  readonly sha256: string
}

/** What an image was at one time. Never changed. */
export interface StoredVersion {
  /** The first 12 digits of a hash over files and command line: the same content has the same one. */
  readonly id: string
  /** When it became the current version, as ISO 8601 in UTC. */
  readonly added: string
  readonly kernel: StoredFile
  readonly initrds: readonly StoredFile[]
  readonly cmdline: readonly string[]
  /** Where its files came from: paths and URLs, for people. */
  readonly from: readonly string[]
}

export interface StoredImage {
  readonly name: string
  /** At least one; the last one is the current one. */
  readonly versions: readonly StoredVersion[]
  /** When it was removed, as ISO 8601: machines that have its addresses still get their files. */
  readonly removed?: string
}

export type ImageCatalogue = ReadonlyMap<string, StoredImage>

/** The image store as the server sees it. */
export interface StoredImages {
  /** The current version of each image. */
  readonly current: ReadonlyMap<string, Image>
  /** The files of all versions by the name of the image, also of images that were removed. */
  readonly files: ReadonlyMap<string, readonly ImageFile[]>
}

/** What a folder without a catalogue has. */
export const NO_STORED_IMAGES: StoredImages = { current: new Map(), files: new Map() }
