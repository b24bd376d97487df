import { type Command, InvalidArgumentError } from 'commander'
import { keepsVersion } from '../app/keep-versions.ts'
import { duration } from '../config/shapes.ts'
import { collectImages } from '../files/image-store.ts'
import { formatBytes } from '../lib/text.ts'
import type { Config } from '../model/config.ts'
import type { StateReader } from '../model/ports.ts'
import { openStateReader } from '../store/state-reader.ts'
import type { PlaceFlags } from './firmware-place.ts'
import { storeConfigOf, tellRefusals } from './image-place.ts'
import { print, printJson, say } from './output.ts'

interface GcFlags extends PlaceFlags {
  readonly keep: number
  readonly grace: number
  readonly dryRun?: boolean
}

const MOST_KEPT = 1000
const GRACE = duration('1s', '30d')

/** The options of `image gc`; `--grace` in seconds once it is read. */
export function addGcOptions(command: Command): Command {
  return command
    .option('--keep <number>', 'how many of the newest versions of each image stay', readCount, 2)
    .option('--grace <duration>', 'how long a version stays after it was replaced', readGrace, 3600)
    .option('--dry-run', 'only say what would go')
}

function readCount(text: string): number {
  const count = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= MOST_KEPT) return count
  throw new InvalidArgumentError(`expected a number from 1 to ${MOST_KEPT}`)
}

function readGrace(text: string): number {
  const parsed = GRACE.safeParse(text)
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'expected a duration')
}

/** `image gc` */
export async function collectCommand(flags: GcFlags): Promise<void> {
  const config = await storeConfigOf(flags)
  const { keep, grace, dryRun = false } = flags
  const policy = { keep, graceMs: grace * 1000, attempts: await attemptsOf(config), now: Date.now() }
  const { imageStore } = config.server
  const { versions, freed } = await tellRefusals(() =>
    collectImages(imageStore, (image, version) => keepsVersion(image, version, policy), { dryRun }),
  )
  const removed = versions.map(({ name, version: { id, added } }) => ({ name, version: id, added }))
  if (flags.json) printJson({ removed, freed, dryRun })
  else for (const { name, version, added } of removed) print(`${name} ${version} of ${added}`)
  const count = removed.length === 1 ? '1 version' : `${removed.length} versions`
  say(dryRun ? `${count} would go` : `${count} removed, ${formatBytes(freed)} of room given back`)
}

/** What machines are booting now; none where no server has run. */
async function attemptsOf({ server }: Config): Promise<Awaited<ReturnType<StateReader['attempts']>>> {
  const reader = await openStateReader(server.stateDir)
  if (reader === undefined) return []
  try {
    return await reader.attempts()
  } finally {
    await reader.close()
  }
}
