import type { BootLine } from '../model/intent.ts'
import type { BootAttempt } from '../model/ports.ts'

/** A boot that nobody asked for, as a line beside those of a node's history. */
export interface PlainBoot<T> {
  readonly attempt: Pick<BootAttempt, 'nonce' | 'openedAt'>
  readonly line: T
}

/**
 * Lines and boots in one list, each in the order in which it happened, whatever the clock said. An attempt's `opened` line has a
 * place in both; between two such, the clock decides alone. `attempts`: all of them, in the order in which they were opened.
 */
export function inOrder<T>(
  lines: readonly BootLine[],
  boots: readonly PlainBoot<T>[],
  attempts: readonly Pick<BootAttempt, 'nonce'>[],
): readonly (BootLine | T)[] {
  const places = new Map(attempts.map(({ nonce }, place) => [nonce, place]))
  const placeOf = (nonce: string | undefined): number | undefined => places.get(nonce ?? '')
  const all: (BootLine | T)[] = []
  let first = 0
  const nexts = nextPlaces(lines, placeOf)
  for (const [index, line] of lines.entries()) {
    const here = line.what === 'opened' ? placeOf(line.nonce) : undefined
    const next = nexts[index] ?? Number.POSITIVE_INFINITY
    for (let boot = boots[first]; boot !== undefined; boot = boots[first]) {
      const place = placeOf(boot.attempt.nonce) ?? 0
      const isBefore = here === undefined ? boot.attempt.openedAt <= line.time : place < here
      if (!isBefore || place > next) break
      all.push(boot.line)
      first += 1
    }
    all.push(line)
  }
  return [...all, ...boots.slice(first).map(({ line }) => line)]
}

/** Of each line, the place of the first attempt that it or one after it opens; undefined where none does. */
function nextPlaces(
  lines: readonly BootLine[],
  placeOf: (nonce: string | undefined) => number | undefined,
): readonly (number | undefined)[] {
  let next: number | undefined
  const places = lines.toReversed().map(({ what, nonce }) => {
    if (what === 'opened') next = placeOf(nonce) ?? next
    return next
  })
  return places.toReversed()
}
