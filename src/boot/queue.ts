import { type Payload, payloadFiles } from '../model/image.ts'
import type { Step } from '../model/rules.ts'
import type { QueueScript } from '../model/script.ts'
import type { Image, ImageFile, QueueView, World } from '../model/world.ts'
import type { BootRequest, LoadedFile } from './decision.ts'
import { pathOf } from './scripts.ts'

/** Octets of kernel and initrds together: what is below is fetched sooner than a place could be given on. */
const SMALL_IMAGE = 32 * 2 ** 20
/** Seconds until whoever waits asks again: who is next at once, of thousands each so seldom that they cost little. */
const RETRY = { next: 1, near: 3, far: 8 } as const
/** In rounds of `boots:` machines: nearer than this is `near`. */
const NEAR_ROUNDS = 8
/**
 * `boots: auto`, in octets: what the machines that load have to fetch together. A minute of a link of 1 Gbit/s, six seconds
 * of one of 10: much longer than it takes whoever is next to ask again, so that the link is never idle.
 */
const UNDER_WAY = 8e9
/** However large the image is. */
const LEAST = 8

/** What one machine boots of an image. */
export interface ToLoad extends Pick<Image, 'name' | 'cite'> {
  readonly payload: Payload<ImageFile>
}

type Turn = Pick<QueueScript, 'place' | 'waiting' | 'loading' | 'retrySeconds' | 'choice' | 'again'>

/**
 * Who loads at once and who waits, by the network's `boots:`: first come, first served. Free places are kept for those that
 * came before and ask again in a moment, as whoever is next always does; while the others sleep, no place stays empty.
 * Undefined for a machine that loads now.
 */
export function queueTurn(
  { ingress, question }: BootRequest,
  image: ToLoad,
  { config, queue }: World,
  steps: Step[],
): Turn | undefined {
  const network = config.networks.find(({ name }) => name === ingress.network)
  const boots = network?.boots
  if (network === undefined || boots === undefined) return undefined
  const cite = `${network.origin.file}:${network.origin.line}`
  const size = sizeOf(image)
  if (size < SMALL_IMAGE) {
    const outcome = `${image.name} is too small to wait for: it loads now`
    steps.push({ rule: 'boot.queue', outcome, from: 'config', cite: image.cite })
    return undefined
  }
  const say = (outcome: string): void => {
    steps.push({ rule: 'boot.queue', outcome: `boots: ${boots}, ${outcome}`, from: 'state', cite })
  }
  if (queue === undefined) {
    say('as if nobody else loaded: it loads now')
    return undefined
  }
  const { loads, loading, place, waiting } = queue
  if (loads || hasPlace(boots, queue, size)) {
    say(`${loads ? 'it is one of them' : `${loading} others load`}: it loads now`)
    return undefined
  }
  say(`${loading} load: number ${place} of ${waiting} that wait`)
  const { choice, queued } = question.kind === 'run' ? question : {}
  return {
    ...{
      place,
      waiting,
      loading,
      retrySeconds: retrySeconds(place, boots === 'auto' ? placesFor(size) : boots),
    },
    ...(choice === undefined ? {} : { choice }),
    ...(queued === true ? { again: true } : {}),
  }
}

function hasPlace(boots: number | 'auto', { loading, octets, ahead }: QueueView, size: number): boolean {
  const limit = boots === 'auto' ? LEAST : boots
  return loading + ahead < limit || (boots === 'auto' && octets + (ahead + 1) * size <= UNDER_WAY)
}

/** The places of `auto` while all boot this image. */
function placesFor(size: number): number {
  return Math.max(LEAST, Math.floor(UNDER_WAY / size))
}

/** What a machine that boots the image fetches; nothing when it is so small that nobody waits for it. */
export function filesToLoad(image: ToLoad): readonly LoadedFile[] {
  if (sizeOf(image) < SMALL_IMAGE) return []
  return wholeFiles(image).map((file) => ({ path: pathOf(image, file), size: file.size }))
}

function sizeOf({ payload }: Pick<ToLoad, 'payload'>): number {
  return wholeFiles({ payload }).reduce((sum, { size }) => sum + size, 0)
}

/** Of a drive nobody knows how much will be read, nor when. */
function wholeFiles({ payload }: Pick<ToLoad, 'payload'>): readonly ImageFile[] {
  return payload.kind === 'disk' ? [] : payloadFiles(payload)
}

function retrySeconds(place: number, boots: number): number {
  if (place <= boots) return RETRY.next
  return place <= NEAR_ROUNDS * boots ? RETRY.near : RETRY.far
}
