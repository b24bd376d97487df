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
  const left = [...boots]
  const all: (BootLine | T)[] = []
  for (const [index, line] of lines.entries()) {
    const here = line.what === 'opened' ? placeOf(line.nonce) : undefined
    const later = lines.slice(index).find((one) => one.what === 'opened' && places.has(one.nonce ?? ''))
    const next = placeOf(later?.nonce) ?? Number.POSITIVE_INFINITY
    for (let boot = left[0]; boot !== undefined; boot = left[0]) {
      const place = placeOf(boot.attempt.nonce) ?? 0
      const isBefore = here === undefined ? boot.attempt.openedAt <= line.time : place < here
      if (!isBefore || place > next) break
      all.push(boot.line)
      left.shift()
    }
    all.push(line)
  }
  return [...all, ...left.map(({ line }) => line)]
}
