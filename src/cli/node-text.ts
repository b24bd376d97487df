import type { NodeConflict } from '../app/conflicts.ts'
import type { BootIntent, IntentAttempt, NodeBoots } from '../model/intent.ts'

/** Enough to tell one attempt from another; the whole of it proves something. */
export function shortNonce(nonce: string): string {
  return nonce.slice(0, 8)
}

/** Milliseconds since 1970 as ISO 8601 in UTC. */
export function isoTime(time: number): string {
  return new Date(time).toISOString()
}

/** What the node boots next: "node01: install at the next boot (profile debian)". */
export function nextBootOf({ node, intent, standing, quarantine }: NodeBoots): string {
  if (intent?.kind === 'install' && quarantine !== undefined)
    return `${node}: its local disk, quarantined: ${quarantine.because}; centra-pxe node release ${node}`
  if (intent !== undefined)
    return `${node}: ${intent.kind} at the next boot, once (profile ${intent.profile})`
  return standing === 'local' ? `${node}: its local disk` : `${node}: as described, at every boot`
}

/** The same in a word, for a table of nodes; undefined where nothing was asked, and it boots as described. */
export function nextWordOf({ intent, standing, quarantine }: NodeBoots): string | undefined {
  if (intent !== undefined && (intent.kind !== 'install' || quarantine === undefined)) return intent.kind
  if (quarantine !== undefined) return 'quarantined'
  return standing === 'local' ? 'local' : undefined
}

/** For programs: without the nonces, which prove something. */
export function bootsJson(state: NodeBoots): object {
  const { node, standing, intent, attempt, fruitless, quarantine } = state
  return {
    ...{ node, next: nextBootOf(state), standing, fruitless },
    ...(intent === undefined ? {} : { intent: intentJson(intent) }),
    ...(attempt === undefined ? {} : { attempt: attemptJson(attempt) }),
    ...(quarantine === undefined
      ? {}
      : { quarantine: { since: isoTime(quarantine.since), because: quarantine.because } }),
  }
}

function intentJson({ kind, profile, redeem, since }: BootIntent): object {
  return { kind, profile, redeem, since: isoTime(since) }
}

function attemptJson({ intent, nonce, openedAt, redeemed, ended, ...rest }: IntentAttempt): object {
  const { mac, address, image, scripts, starts } = rest
  return {
    ...{ attempt: shortNonce(nonce), intent: intentJson(intent), mac, address, image },
    ...{ opened: isoTime(openedAt), scripts, starts },
    ...(redeemed === undefined ? {} : { redeemed: { at: isoTime(redeemed.at), by: redeemed.by } }),
    ...(ended === undefined ? {} : { ended: { at: isoTime(ended.at), stage: ended.stage } }),
  }
}

/** Rows of `node show`. */
export function bootsRows(state: NodeBoots): readonly (readonly [string, string])[] {
  const { intent, attempt, standing, fruitless, quarantine } = state
  return [
    ['next boot', nextBootOf(state).replace(/^[^:]*: /, '')],
    ['otherwise', standing === 'ram' ? 'as described, at every boot' : 'its local disk'],
    ...(intent === undefined
      ? []
      : [['asked', `${intent.kind}, ${isoTime(intent.since)}, used up by the ${intent.redeem}`] as const]),
    ...(attempt === undefined ? [] : attemptRows(attempt)),
    ...(fruitless === 0 ? [] : [['no success', `${fruitless} boots of an installer`] as const]),
    ...(quarantine === undefined
      ? []
      : [['quarantine', `${isoTime(quarantine.since)}: ${quarantine.because}`] as const]),
  ]
}

function attemptRows(attempt: IntentAttempt): readonly (readonly [string, string])[] {
  const { nonce, intent, image, mac, address, openedAt, scripts, starts, redeemed, ended } = attempt
  const way = `${scripts} ${scripts === 1 ? 'script' : 'scripts'}, ${starts} ${starts === 1 ? 'boot' : 'boots'}`
  return [
    ['attempt', `${shortNonce(nonce)}: ${intent.kind} of ${image}, opened ${isoTime(openedAt)}`],
    ['', `for ${mac} at ${address}; ${way}`],
    ['', redeemed === undefined ? 'not redeemed' : `redeemed ${isoTime(redeemed.at)} by the ${redeemed.by}`],
    ...(ended === undefined ? [] : [['', `${ended.stage} ${isoTime(ended.at)}`] as const]),
  ]
}

/** Rows of `node show`: who is in conflict, and what to do about it. */
export function conflictRows(
  conflicts: readonly NodeConflict[],
  config: string,
): readonly (readonly [string, string])[] {
  return conflicts.flatMap(({ mac, network, because }) => [
    ['conflict', `${mac}: ${because}; it boots its local disk`] as const,
    [
      '',
      `centra-pxe explain --config ${config} --mac ${mac} --network ${network} --via http --leases`,
    ] as const,
    [
      '',
      "shows the evidence: mend the nodes' keys, or the machine, and boot it from its network card",
    ] as const,
    ['', 'if what it showed is not so any more: centra-pxe node forget NAME'] as const,
  ])
}
