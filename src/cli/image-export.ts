import { resolve } from 'node:path'
import { lookAtImages } from '../app/world.ts'
import { LocalDisk } from '../files/disk.ts'
import { type ExportedFile, exportImages } from '../files/export-images.ts'
import type { PlaceFlags } from './firmware-place.ts'
import { storeConfigOf, tellRefusals } from './image-place.ts'
import { printJson, say } from './output.ts'

interface ExportFlags extends PlaceFlags {
  readonly prune?: boolean
}

/** `image export` */
export async function exportCommand(folder: string, flags: ExportFlags): Promise<void> {
  const config = await storeConfigOf(flags)
  const { images, storedFiles } = await lookAtImages(config, new LocalDisk())
  const current = [...images].flatMap(([image, { kernel, initrds }]) =>
    [kernel, ...initrds].map((file) => ({ image, file })),
  )
  const older = [...storedFiles].flatMap(([image, files]) => files.map((file) => ({ image, file })))
  const all = new Map<string, ExportedFile>(
    [...older, ...current].map((one) => [`${one.image}/${one.file.sha256}/${one.file.name}`, one]),
  )
  const outcome = await tellRefusals(() =>
    exportImages(resolve(folder), [...all.values()], { prune: flags.prune === true }),
  )
  if (flags.json) printJson({ folder: resolve(folder), files: [...all.keys()], ...outcome })
  const { linked, copied, kept, pruned } = outcome
  const gone = flags.prune === true ? `, ${pruned.length} versions taken away` : ''
  say(`${folder}/images: ${linked} files linked, ${copied} copied, ${kept} were there${gone}`)
}
