import { imageFiles } from '../model/image.ts'
import type { ImageFile } from '../model/world.ts'
import type { Running } from './running.ts'

/**
 * An image's file by its address below `images`: `NAME/SHA256/FILE` for ever, `NAME/FILE` for now. Looked up, never joined to a
 * path.
 */
export function publishedImage(
  parts: readonly string[],
  { picture }: Pick<Running, 'picture'>,
): ImageFile | undefined {
  const [name = '', ...rest] = parts
  if (rest.length === 0 || rest.length > 2) return undefined
  const found = picture.images.get(name)
  const current = found === undefined ? [] : imageFiles(found)
  // Machines that have the script of an older version finish on it.
  const older = rest.length === 2 ? (picture.storedFiles.get(name) ?? []) : []
  return [...current, ...older].find(
    (candidate) => candidate.name === rest.at(-1) && (rest.length === 1 || rest[0] === candidate.sha256),
  )
}
