/**
 * How often a test repeats itself: `normal` times in `npm test`, `soak` times in `npm run test:soak`, which sets
 * CENTRA_SOAK=1. The seeds are the same.
 */
export function runs(normal: number, soak: number): number {
  return process.env['CENTRA_SOAK'] === '1' ? soak : normal
}
