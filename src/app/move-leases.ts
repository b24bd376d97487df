import type { Running } from './running.ts'

/**
 * Leases follow the subnets of the configuration: after a network was renamed, or has the subnet that another had, an address
 * that is bound would be free under its new name. In memory at once, on disk when this resolves; when the disk refuses, the
 * next start does it again. Never rejects: the health of the store tells of a failure.
 */
export async function moveLeases({
  leases,
  picture,
  store,
  timeline,
  now,
}: Pick<Running, 'leases' | 'picture' | 'store' | 'timeline' | 'now'>): Promise<void> {
  const moved = leases.settle(picture.config.networks)
  if (moved.gone.length === 0) return
  const from = [...new Set(moved.gone.map(({ network }) => network))].join(', ')
  const message = `those of ${from}: the subnets of their addresses are other networks now`
  timeline.emit({ time: now(), kind: 'lease.moved', detail: { leases: moved.gone.length, message } })
  await store.moveLeases(moved).catch(() => {})
}
