import { resolve } from 'node:path'
import { missingImages } from '../app/missing-images.ts'
import { lookAtImages } from '../app/world.ts'
import { LocalDisk } from '../files/disk.ts'
import { type ExportedFile, exportImages } from '../files/export-images.ts'
import { imageFiles } from '../model/image.ts'
import { CliError } from './exit-codes.ts'
import type { PlaceFlags } from './firmware-place.ts'
import { storeConfigOf, tellRefusals } from './image-place.ts'
import { printJson, say } from './output.ts'

interface ExportFlags extends PlaceFlags {
  readonly prune?: boolean
}

/** `image export` */
export async function exportCommand(folder: string, flags: ExportFlags): Promise<void> {
  const config = await storeConfigOf(flags)
  const disk = new LocalDisk()
  const problems = (await missingImages(config, disk)).map(({ name, problem }) => `${name}: ${problem}`)
  if (flags.prune === true && problems.length > 0)
    throw new CliError(`${problems.join('; ')}: nothing is taken away, and nothing was exported`)
  for (const problem of problems) say(problem)
  const { images, storedFiles } = await lookAtImages(config, disk)
  const current = [...images].flatMap(([image, found]) => imageFiles(found).map((file) => ({ image, file })))
  const older = [...storedFiles].flatMap(([image, files]) => files.map((file) => ({ image, file })))
  const all = new Map<string, ExportedFile>(
    [...older, ...current].map((one) => [`${one.image}/${one.file.sha256}/${one.file.name}`, one]),
  )
  if (flags.prune === true && all.size === 0)
    throw new CliError(`${config.server.imageStore} has no image: nothing is taken away`)
  const outcome = await tellRefusals(() =>
    exportImages(resolve(folder), [...all.values()], { prune: flags.prune === true }),
  )
  if (flags.json) printJson({ folder: resolve(folder), files: [...all.keys()], ...outcome })
  const { linked, copied, kept, pruned } = outcome
  const gone = flags.prune === true ? `, ${pruned.length} versions taken away` : ''
  say(`${folder}/images: ${linked} files linked, ${copied} copied, ${kept} were there${gone}`)
}
