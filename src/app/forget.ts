import type { Mac } from '../lib/mac.ts'
import { conflictsOf } from './conflicts.ts'
import type { Running } from './running.ts'

export type Forgotten =
  | { readonly kind: 'done'; readonly machines: readonly Mac[] }
  | { readonly kind: 'unknown'; readonly because: string }

/**
 * `node forget`: what machines showed of themselves besides their MAC counts no more, of those that are the node and those in a
 * conflict about it; on disk when this resolves. What they show next is weighed as if they had never spoken. Rejects with a
 * StoreError when it cannot be written.
 */
export async function forgetShown(name: string, running: Running): Promise<Forgotten> {
  const { picture, leases, recognised, seen, store } = running
  const { config } = picture
  const node = config.nodes.find((one) => one.name === name)
  if (node === undefined) return { kind: 'unknown', because: `the configuration describes no node ${name}` }
  const inConflict = conflictsOf(name, { config, leases, seen: seen.newestFirst() }, running.now())
  const about = new Set([
    ...node.macs,
    ...recognised.claimants(name),
    ...recognised.sayersOf(node),
    ...inConflict.map(({ mac }) => mac),
  ])
  const machines = [...about].filter(
    (mac) => recognised.evidenceOf(mac) !== undefined || seen.hasEvidence(mac),
  )
  for (const mac of machines) {
    recognised.forget(mac)
    seen.forgetEvidence(mac)
  }
  await store.flush()
  return { kind: 'done', machines }
}
