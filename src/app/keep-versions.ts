import type { StoredImage, StoredVersion } from '../model/image-store.ts'
import type { BootAttempt } from '../model/ports.ts'

export interface KeepPolicy {
  /** How many of the newest versions of each image stay. */
  readonly keep: number
  /** Milliseconds for which a version stays after it was replaced. */
  readonly graceMs: number
  readonly attempts: readonly (BootAttempt & { readonly stage?: string })[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Milliseconds after which a boot attempt that told no end counts as one that came to nothing. */
const ATTEMPT_LIFE_MS = 86_400_000
/** Stages after which a machine fetches nothing more of its image. */
const LAST_STAGES = ['installed', 'in-service', 'rescue', 'failed']

/**
 * Whether a version of the image store stays: it is among the newest, or was replaced a short while ago, or a machine
 * that is still booting was given its image before it was replaced. Of an image that was removed none is among the newest.
 */
export function keepsVersion(image: StoredImage, version: StoredVersion, policy: KeepPolicy): boolean {
  const { keep, graceMs, attempts, now } = policy
  const index = image.versions.indexOf(version)
  if (image.removed === undefined && index >= image.versions.length - keep) return true
  const end = image.versions[index + 1]?.added ?? image.removed
  if (end === undefined) return true
  const replaced = Date.parse(end)
  if (now - replaced < graceMs) return true
  return attempts.some(
    (attempt) =>
      attempt.image === image.name &&
      !LAST_STAGES.includes(attempt.stage ?? '') &&
      now - attempt.openedAt < ATTEMPT_LIFE_MS &&
      attempt.openedAt <= replaced,
  )
}
