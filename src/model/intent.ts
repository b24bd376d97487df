import type { Mac } from '../lib/mac.ts'
import type { KeysOfNode } from './node-keys.ts'

/** What a node's boots are for, as commands name it. `ram`: its profile's image every time, as without any command. */
export const INTENT_KINDS = ['ram', 'install', 'local', 'rescue', 'inspect'] as const
export type IntentKind = (typeof INTENT_KINDS)[number]

/** Used up by one boot. */
export type OnceKind = Exclude<IntentKind, 'ram' | 'local'>

/** What uses an intent up: the last octets of the loader's last file, or the booted installer by its own request. */
export type RedeemedBy = 'kernel' | 'installer'

/** One boot that somebody asked for. */
export interface BootIntent {
  /** Of the command. */
  readonly id: string
  readonly kind: OnceKind
  readonly profile: string
  readonly redeem: RedeemedBy
  /** The node's cards when it was asked for; none: it is known by something else. */
  readonly macs: readonly Mac[]
  /** What the node was known by then; absent in what an older version wrote. */
  readonly keys?: KeysOfNode
  /** Milliseconds since 1970. */
  readonly since: number
}

/** The newest try at an intent: whatever the machine does of it names its nonce. */
export interface IntentAttempt {
  readonly intent: BootIntent
  /** 128 random bits as hex. */
  readonly nonce: string
  readonly mac: Mac
  /** Dotted decimal of the lease that asked. */
  readonly address: string
  readonly image: string
  /** Milliseconds since 1970. */
  readonly openedAt: number
  /** Scripts that were sent with this nonce. */
  readonly scripts: number
  /** Boots for which the last octets of the last file left. */
  readonly starts: number
  /** A script left after the last of these boots: the next one that gets so far is another one. */
  readonly isAhead: boolean
  /** With that script, the loader asked for its last file. */
  readonly isLoading?: true
  readonly redeemed?: Redemption
  /** How it ended, as its machine proved. */
  readonly ended?: { readonly at: number; readonly stage: string }
}

export interface Redemption {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly by: RedeemedBy
  /** What the installer calls the boot it runs in: none other may go on. */
  readonly run?: string
}

/** What is wanted of a node, and how far it came: durable before any answer that depends on it. */
export interface NodeBoots {
  readonly node: string
  /** Counts up by one with every change. */
  readonly revision: number
  /** Of the newest commands, oldest first: one that comes again is none. Absent: of a row that is older than this. */
  readonly commands?: readonly string[]
  /** What it boots when no intent is live. */
  readonly standing: 'ram' | 'local'
  /** Live: no boot has used it up. */
  readonly intent?: BootIntent
  /** Its intent may be used up. */
  readonly attempt?: IntentAttempt
  /** Boots of installers since the last one that reported success, or since the node was released. */
  readonly fruitless: number
  /** No installer boots until somebody releases it. */
  readonly quarantine?: { readonly since: number; readonly because: string }
}

/** A line of a node's history. */
export interface BootLine {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly node: string
  readonly what: BootLineKind
  /** Of the attempt that it is about. */
  readonly nonce?: string
  /** One sentence, safe to print. */
  readonly detail: string
}

/**
 * What a line of the history tells, also in the database: lines of a kind that is not here are left out when read.
 */
export const BOOT_LINE_KINDS = [
  'asked',
  'replaced',
  'opened',
  'again',
  'loading',
  'started',
  'redeemed',
  'report',
  'done',
  'failed',
  'quarantined',
  'released',
] as const
export type BootLineKind = (typeof BOOT_LINE_KINDS)[number]

/** What nobody commanded anything of. */
export function untouched(node: string): NodeBoots {
  return { node, revision: 0, standing: 'ram', fruitless: 0 }
}

/** The boots that were commanded, as the one sees them that asks for its script. */
export interface IntentView {
  of(node: string): NodeBoots | undefined
  /** Why whoever asks is given no attempt; undefined for the machine's own lease. */
  readonly stranger: string | undefined
}

/**
 * A text for logs: of a nonce, which proves something, as much as tells it from others. Also where its address is written as our
 * servers would still read it (`%61ttempt//...`), or as iPXE reports it (`${url:hexraw}`).
 */
export function withoutNonce(text: string): string {
  const plain = text.includes('%') ? text.replace(ESCAPED, unescaped) : text
  if (NAMED.test(plain)) return plain.replace(NONCE, '$1...').replace(HEX_NONCE, '$1...')
  return HEX_NONCE.test(text) ? text.replace(HEX_NONCE, '$1...') : text
}

const NAMED = /attempt[\\/]|centra\.nonce=/i
const NONCE = /((?:attempt[\\/]+|centra\.nonce=)[0-9a-f]{8})[0-9a-f]{24}(?![0-9a-f])/gi
/** The same in hexadecimal, of `attempt/` and what follows. */
const HEX_NONCE = /(617474656d7074(?:2f)+(?:3[0-9]|6[1-6]){8})(?:3[0-9]|6[1-6]){24}/gi
const ESCAPED = /%([2-7][0-9a-f])/gi

function unescaped(escaped: string, hex: string): string {
  const character = String.fromCharCode(Number.parseInt(hex, 16))
  return /[\w./=\\]/.test(character) ? character : escaped
}
