import { type Config, needsImage } from '../model/config.ts'
import type { Disk } from '../model/disk.ts'
import { imageFiles } from '../model/image.ts'
import type { StoredImages } from '../model/image-store.ts'
import type { HealthItem } from './health.ts'

/** Images that are not there any more since the configuration was read: machines would boot their local disk. */
export async function missingImages(config: Config, disk: Disk): Promise<readonly HealthItem[]> {
  const items: HealthItem[] = []
  for (const image of config.images.values())
    for (const path of imageFiles(image))
      if (!(await disk.isFile(path)))
        items.push({ name: `image ${image.name}`, problem: `${path} is missing` })
  const { imageStore } = config.server
  const stored = await disk
    .storedImages(imageStore)
    .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
  if (typeof stored === 'string') return [...items, { name: 'image store', problem: stored }]
  return [...items, ...(await missingStored(config, stored, disk))]
}

/** Of the images that profiles boot out of the store. */
async function missingStored(
  config: Config,
  { current }: StoredImages,
  disk: Disk,
): Promise<readonly HealthItem[]> {
  const { imageStore } = config.server
  const booted = [...config.profiles.values()].filter((profile) => needsImage(profile, config))
  const wanted = new Set(booted.flatMap(({ image }) => image ?? []))
  const items: HealthItem[] = []
  for (const name of [...wanted].filter((one) => !config.images.has(one))) {
    const image = current.get(name)
    if (image === undefined)
      items.push({ name: `image ${name}`, problem: `${imageStore} has none whose files are all there` })
    for (const { path } of image === undefined ? [] : imageFiles(image))
      if (!(await disk.isFile(path))) items.push({ name: `image ${name}`, problem: `${path} is missing` })
  }
  return items
}
