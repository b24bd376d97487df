import type { Mac } from '../lib/mac.ts'
import type {
  BootIntent,
  BootLine,
  BootLineKind,
  IntentAttempt,
  NodeBoots,
  Redemption,
} from '../model/intent.ts'
import type { KeyName, KeysOfNode } from '../model/node-keys.ts'
import type { ReportStage } from './report.ts'

/** A script asked for again within this time belongs to the same attempt, in milliseconds. */
const SAME_ATTEMPT_MS = 600_000
/** Commands of a node that are known again when they come late. */
const COMMANDS_KEPT = 64

/** Whatever happens to the boots of one node. */
export type IntentEvent =
  /** The machine is to boot so from now on; a live intent is dropped. */
  | { readonly kind: 'stand'; readonly id: string; readonly standing: NodeBoots['standing'] }
  | { readonly kind: 'ask'; readonly intent: BootIntent }
  | { readonly kind: 'release'; readonly id: string }
  /** The machine's own lease asks for its script. */
  | ScriptEvent
  /** The loader asks for its last file, by the address that has the nonce: the kernel, or the last initrd. */
  | { readonly kind: 'load'; readonly nonce: string; readonly address: string }
  /** It has all of that file but the last octets, which leave next. */
  | { readonly kind: 'kernel'; readonly nonce: string; readonly address: string }
  /** The installer asks before it writes anything. */
  | { readonly kind: 'redeem'; readonly nonce: string; readonly address: string; readonly run?: string }
  /** With the nonce, from the lease: verified. */
  | { readonly kind: 'report'; readonly nonce: string; readonly stage: ReportStage }

export interface ScriptEvent {
  readonly kind: 'script'
  readonly mac: Mac
  /** Dotted decimal. */
  readonly address: string
  readonly image: string
  /** The id of the intent that the script is for. */
  readonly intent: string
  /** What the node is known by now. */
  readonly keys: KeysOfNode
  /** For the attempt, if this opens one. */
  readonly nonce: string
}

export type IntentReply =
  | { readonly kind: 'done' }
  /** The script with this nonce. */
  | { readonly kind: 'boot'; readonly nonce: string }
  /** The file may leave, or its last octets; the installer may write. */
  | { readonly kind: 'go' }
  | Refusal

/**
 * `stranger`: another address than the attempt's. `conflict`: nothing of this attempt may go on, for now. `over`: never again.
 * `quarantined`: until the node is released.
 */
export interface Refusal {
  readonly kind: 'refused'
  readonly why: 'stranger' | 'conflict' | 'over' | 'quarantined'
  /** One sentence, safe to print. */
  readonly because: string
}

/** The state that must be durable before the reply is sent; the same object when nothing changed. */
export interface Transition {
  readonly state: NodeBoots
  readonly lines: readonly BootLine[]
  readonly reply: IntentReply
}

export interface Circumstances {
  /** Milliseconds since 1970; it may jump. */
  readonly now: number
  /** Boots of installers without success after which the node is quarantined. */
  readonly tries: number
}

/**
 * The boots of one node: one intent gives one install at most, whatever requests are lost, repeated or reordered, whoever
 * restarts and whatever the clock says; and only a machine that was given the attempt, and has all of its last file but the
 * end, uses an intent up. Both hold because an intent leaves the state in the one transition that redeems it, whose reply - and
 * with it the end of that file, without which nothing boots - waits until the state is on disk, and because no transition puts
 * it back. Time decides only whether a nonce is given out again.
 */
export function advance(state: NodeBoots, event: IntentEvent, at: Circumstances): Transition {
  switch (event.kind) {
    case 'stand':
      return once(state, event.id, () => stand(state, event.standing, at))
    case 'ask':
      return once(state, event.intent.id, () => ask(state, event.intent, at))
    case 'release':
      return once(state, event.id, () => release(state, at))
    case 'script':
      return script(state, event, at)
    case 'load':
      return load(state, event, at)
    case 'kernel':
      return kernel(state, event, at)
    case 'redeem':
      return redeem(state, event, at)
    case 'report':
      return report(state, event, at)
    default:
      return event satisfies never
  }
}

/** A command is carried out once, also when it is heard again after others; one that is refused may come again. */
function once(state: NodeBoots, id: string, carryOut: () => Transition): Transition {
  const { commands = [], intent, attempt } = state
  const isKnown = commands.includes(id) || intent?.id === id || attempt?.intent.id === id
  if (isKnown) return same(state, { kind: 'done' })
  const done = carryOut()
  if (done.reply.kind === 'refused') return done
  const { revision } = state
  const kept = [...commands, id].slice(-COMMANDS_KEPT)
  return { ...done, state: { ...done.state, revision: revision + 1, commands: kept } }
}

function stand(state: NodeBoots, standing: NodeBoots['standing'], { now }: Circumstances): Transition {
  if (state.standing === standing && state.intent === undefined) return same(state, { kind: 'done' })
  const { intent, ...rest } = state
  const dropped =
    intent === undefined ? [] : [line(state, { now }, 'replaced', `${intent.kind} was not begun`)]
  const asked = standing === 'ram' ? "its profile's image at every boot" : 'its local disk at every boot'
  const said = [...dropped, line(state, { now }, 'asked', `${standing}: ${asked}`)]
  return changed({ ...rest, standing }, said, { kind: 'done' })
}

function ask(state: NodeBoots, intent: BootIntent, at: Circumstances): Transition {
  const { now } = at
  const before = state.intent
  if (intent.kind === 'install') {
    const stopped = quarantined(state, at)
    if (stopped !== undefined) return stopped
  }
  if (before !== undefined && asksTheSame(before, intent)) return same(state, { kind: 'done' })
  const dropped =
    before === undefined ? [] : [line(state, { now }, 'replaced', `${before.kind} was not begun`)]
  const how = intent.kind === 'install' ? `, redeemed by the ${intent.redeem}` : ''
  const said = line(state, { now }, 'asked', `${intent.kind}: profile ${intent.profile}, once${how}`)
  return changed({ ...state, intent }, [...dropped, said], { kind: 'done' })
}

function asksTheSame(one: BootIntent, other: BootIntent): boolean {
  const { kind, profile, redeem, macs, keys = {} } = one
  const isOfOneBoot = kind === other.kind && profile === other.profile && redeem === other.redeem
  return isOfOneBoot && macs.join() === other.macs.join() && changedKeys(keys, other.keys ?? {}).length === 0
}

function release(state: NodeBoots, { now }: Circumstances): Transition {
  const { quarantine, ...rest } = state
  if (quarantine === undefined && state.fruitless === 0) return same(state, { kind: 'done' })
  const left = state.intent === undefined ? '' : `; ${state.intent.kind} is still asked for`
  const said = line(state, { now }, 'released', `installers may boot again${left}`)
  return changed({ ...rest, fruitless: 0 }, [said], { kind: 'done' })
}

function script(state: NodeBoots, event: ScriptEvent, at: Circumstances): Transition {
  const { now } = at
  const { intent, attempt: before } = state
  if (intent?.id !== event.intent) return refused(state, 'conflict', 'something else is asked for by now')
  if (intent.macs.length > 0 && !intent.macs.includes(event.mac))
    return refused(
      state,
      'conflict',
      `${intent.kind} was asked for when ${state.node} did not have the card ${event.mac}`,
    )
  const others = otherKeys(intent, event.keys)
  if (others.length > 0)
    return refused(
      state,
      'conflict',
      `${intent.kind} was asked for when the configuration told ${state.node} by another ${others.join(' and ')}: ask for it again`,
    )
  if (intent.kind === 'install') {
    const stopped = quarantined(state, at)
    if (stopped !== undefined) return stopped
  }
  if (before !== undefined && isSameTry(before, intent, event, now)) {
    const { nonce, scripts } = before
    const { isLoading: _, ...rest } = before
    const attempt: IntentAttempt = { ...rest, scripts: scripts + 1, isAhead: true }
    const said = line(state, { now, nonce }, 'again', `the script once more, for ${event.address}`)
    return changed({ ...state, attempt }, [said], { kind: 'boot', nonce })
  }
  const { nonce, mac, address, image } = event
  const fresh = { nonce, mac, address, image, openedAt: now, scripts: 1, starts: 0, isAhead: true }
  const detail = `${intent.kind} of ${image} (${intent.profile}), for ${mac} at ${address}`
  const said = line(state, { now, nonce }, 'opened', detail)
  return changed({ ...state, attempt: { ...fresh, intent } }, [said], { kind: 'boot', nonce })
}

/**
 * The name may be another machine's by now. Who shows a card that the node had then may have got others since; whoever is told by
 * anything else is another machine as soon as anything differs.
 */
export function otherKeys({ macs, keys }: BootIntent, now: KeysOfNode): readonly KeyName[] {
  if (keys === undefined) return []
  return changedKeys(keys, now).filter((name) => name !== 'mac' || macs.length === 0)
}

const KEY_NAMES = ['mac', 'uuid', 'serial', 'assetTag', 'relayPort', 'clientId'] as const

function changedKeys(one: KeysOfNode, other: KeysOfNode): readonly KeyName[] {
  return KEY_NAMES.filter((name) => one[name] !== other[name])
}

function isSameTry(before: IntentAttempt, intent: BootIntent, event: ScriptEvent, now: number): boolean {
  const age = now - before.openedAt
  const { mac, address, image } = event
  const same = before.mac === mac && before.address === address && before.image === image
  return same && before.intent.id === intent.id && age >= 0 && age < SAME_ATTEMPT_MS
}

function load(state: NodeBoots, event: OfAttempt, { now }: Circumstances): Transition {
  const open = attemptToLoad(state, event, now)
  if (open.kind === 'refused') return same(state, open)
  const { attempt } = open
  const { redeemed, isAhead, isLoading, nonce, image } = attempt
  if (redeemed !== undefined || !isAhead || isLoading === true) return same(state, { kind: 'go' })
  const said = line(state, { now, nonce }, 'loading', `the loader asks for the last file of ${image}`)
  return changed({ ...state, attempt: { ...attempt, isLoading: true } }, [said], { kind: 'go' })
}

function kernel(state: NodeBoots, event: OfAttempt, { now }: Circumstances): Transition {
  const open = attemptToLoad(state, event, now)
  if (open.kind === 'refused') return same(state, open)
  const { isLoading: _, ...attempt } = open.attempt
  const { intent, nonce, isAhead } = attempt
  if (attempt.redeemed !== undefined) return same(state, { kind: 'go' })
  if (!isAhead && intent.redeem === 'installer') return same(state, { kind: 'go' })
  const starts = attempt.starts + (isAhead ? 1 : 0)
  const counted = intent.kind === 'install' && isAhead ? 1 : 0
  const begun = { ...state, fruitless: state.fruitless + counted }
  const started: IntentAttempt = { ...attempt, starts, isAhead: false }
  const said = line(state, { now, nonce }, 'started', `the last octets of ${attempt.image} leave`)
  if (intent.redeem === 'installer') return changed({ ...begun, attempt: started }, [said], { kind: 'go' })
  return redeemedBy(begun, started, { at: now, by: 'kernel' }, [said])
}

/** The attempt whose last file may be loaded now. */
function attemptToLoad(state: NodeBoots, event: OfAttempt, now: number): OpenAttempt | Refusal {
  const open = attemptOf(state, event)
  if (open.kind === 'refused') return open
  const { intent, redeemed } = open.attempt
  if (redeemed === undefined) return notLive(state, open.attempt) ?? open
  // A loader that could not use it asks once more; a machine that started again gets no such script.
  const age = now - redeemed.at
  const isRetry = redeemed.by === 'kernel' && age >= 0 && age < SAME_ATTEMPT_MS
  return isRetry ? open : refusal('over', `${intent.kind} was begun; the machine boots its disk now`)
}

function redeem(
  state: NodeBoots,
  event: { readonly nonce: string; readonly address: string; readonly run?: string },
  { now }: Circumstances,
): Transition {
  const open = attemptOf(state, event)
  if (open.kind === 'refused') return same(state, open)
  const { attempt } = open
  const { intent, redeemed } = attempt
  const { run } = event
  if (intent.kind !== 'install')
    return refused(state, 'conflict', `this boot is for ${intent.kind}, and nobody asked it to write`)
  if (redeemed === undefined) {
    const stopped = notLive(state, attempt)
    if (stopped !== undefined) return same(state, stopped)
    const by: Redemption = { at: now, by: 'installer', ...(run === undefined ? {} : { run }) }
    return redeemedBy(state, attempt, by, [])
  }
  if (redeemed.run === run) return same(state, { kind: 'go' })
  if (redeemed.by === 'kernel' && redeemed.run === undefined && run !== undefined) {
    const bound: IntentAttempt = { ...attempt, redeemed: { ...redeemed, run } }
    const said = line(
      state,
      { now, nonce: attempt.nonce },
      'redeemed',
      `the installer goes on, in its boot ${run}`,
    )
    return changed({ ...state, attempt: bound }, [said], { kind: 'go' })
  }
  return refused(state, 'conflict', 'another boot of this machine goes on with it already')
}

/** The one place where an intent ends. */
function redeemedBy(
  state: NodeBoots,
  attempt: IntentAttempt,
  redeemed: Redemption,
  lines: readonly BootLine[],
): Transition {
  const { intent: _used, ...rest } = state
  const { intent, nonce } = attempt
  const next = intent.kind === 'install' ? 'local' : state.standing
  const then = next === 'local' ? 'its local disk' : "its profile's image"
  const whose = redeemed.by === 'kernel' ? 'with the kernel' : 'by the installer'
  const run = redeemed.run === undefined ? '' : `, in its boot ${redeemed.run}`
  const detail = `${intent.kind} is used up ${whose}${run}; after this it boots ${then}`
  const said = [...lines, line(state, { now: redeemed.at, nonce }, 'redeemed', detail)]
  return changed({ ...rest, standing: next, attempt: { ...attempt, redeemed } }, said, { kind: 'go' })
}

/** Stages after which a machine says nothing more of this boot, and those that say that it was installed. */
const ENDS: ReadonlySet<ReportStage> = new Set(['installed', 'in-service', 'rescue', 'failed'])
const INSTALLED: ReadonlySet<ReportStage> = new Set(['installed', 'in-service'])

function report(
  state: NodeBoots,
  { nonce, stage }: { readonly nonce: string; readonly stage: ReportStage },
  at: Circumstances,
): Transition {
  const { now } = at
  const { attempt } = state
  if (attempt === undefined || attempt.nonce !== nonce) return same(state, { kind: 'done' })
  const { intent, redeemed, ended } = attempt
  if (redeemed === undefined && hasWritten(intent, stage) && notLive(state, attempt) === undefined) {
    const used = redeemedBy(state, attempt, { at: now, by: 'installer' }, [])
    const told = report(used.state, { nonce, stage }, at)
    return { ...told, lines: [...used.lines, ...told.lines] }
  }
  const isEnd = ENDS.has(stage)
  if (redeemed === undefined || ended !== undefined || !isEnd)
    return changed(state, [line(state, { now, nonce }, 'report', `the machine says ${stage}`)], {
      kind: 'done',
    })
  const isSuccess = intent.kind === 'install' ? INSTALLED.has(stage) : stage !== 'failed'
  const said = line(state, { now, nonce }, isSuccess ? 'done' : 'failed', `the machine says ${stage}`)
  const fruitless = isSuccess && intent.kind === 'install' ? 0 : state.fruitless
  return changed({ ...state, fruitless, attempt: { ...attempt, ended: { at: now, stage } } }, [said], {
    kind: 'done',
  })
}

/** An installer that never asked, and proves that it is done: it shall not boot once more. */
function hasWritten({ kind }: BootIntent, stage: ReportStage): boolean {
  return kind === 'install' && INSTALLED.has(stage)
}

interface OfAttempt {
  readonly nonce: string
  readonly address: string
}

interface OpenAttempt {
  readonly kind: 'open'
  readonly attempt: IntentAttempt
}

function attemptOf({ node, attempt }: NodeBoots, { nonce, address }: OfAttempt): OpenAttempt | Refusal {
  if (attempt === undefined || attempt.nonce !== nonce)
    return refusal('over', `this is not the newest boot attempt of ${node}`)
  if (attempt.address !== address)
    return refusal('stranger', `the attempt was given to ${attempt.address}, not to ${address}`)
  if (attempt.ended !== undefined)
    return refusal('over', `the attempt has ended: the machine said ${attempt.ended.stage}`)
  return { kind: 'open', attempt }
}

/** Why an attempt that nothing has redeemed cannot be redeemed now. */
function notLive({ intent, quarantine }: NodeBoots, attempt: IntentAttempt): Refusal | undefined {
  if (intent?.id !== attempt.intent.id)
    return refusal('conflict', `${attempt.intent.kind} is not asked for any more`)
  if (quarantine !== undefined && intent.kind === 'install') return refusal('quarantined', quarantine.because)
  return undefined
}

/** Too many installers booted without success: none boots, and none is asked for, until somebody has looked. */
function quarantined(state: NodeBoots, { now, tries }: Circumstances): Transition | undefined {
  const { quarantine, fruitless, node } = state
  if (quarantine !== undefined) return refused(state, 'quarantined', quarantine.because)
  if (fruitless < tries) return undefined
  const times = fruitless === 1 ? 'once' : `${fruitless} times`
  const because = `${node} booted an installer ${times} and never reported success`
  const said = line(
    state,
    { now },
    'quarantined',
    `${because}; centra-pxe node release ${node} lets it try again`,
  )
  return changed({ ...state, quarantine: { since: now, because } }, [said], refusal('quarantined', because))
}

function line(
  { node }: NodeBoots,
  { now, nonce }: { readonly now: number; readonly nonce?: string },
  what: BootLineKind,
  detail: string,
): BootLine {
  return { time: now, node, what, detail, ...(nonce === undefined ? {} : { nonce }) }
}

function refusal(why: Refusal['why'], because: string): Refusal {
  return { kind: 'refused', why, because }
}

function refused(state: NodeBoots, why: Refusal['why'], because: string): Transition {
  return same(state, refusal(why, because))
}

function same(state: NodeBoots, reply: IntentReply): Transition {
  return { state, lines: [], reply }
}

function changed(state: NodeBoots, lines: readonly BootLine[], reply: IntentReply): Transition {
  return { state: { ...state, revision: state.revision + 1 }, lines, reply }
}
