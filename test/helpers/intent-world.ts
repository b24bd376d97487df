/** One machine, one server and what lies between them, where everything may go wrong: for the property of boot intents. */
import type { advance, IntentEvent, IntentReply } from '../../src/lifecycle/intents.ts'
import { type BootIntent, type NodeBoots, untouched } from '../../src/model/intent.ts'
import { NODE01, NOW } from './world.ts'

export type Step = typeof advance
type Crash = 'none' | 'before commit' | 'after commit'
type Command = Extract<IntentEvent, { kind: 'ask' | 'stand' | 'release' }>

/** What happens next. */
export type Deed =
  /** The machine does its next step, and nothing goes wrong. */
  | { readonly kind: 'go' }
  /** It sends its next request, which stays under way. */
  | { readonly kind: 'send' }
  /** One of the requests under way arrives, be it for the first time or not. */
  | { readonly kind: 'deliver'; readonly nth: number; readonly crash: Crash; readonly isLost: boolean }
  | { readonly kind: 'power cut' }
  /** The transfer of its last file ends early or is refused; it asks for that file again, or for the script. */
  | { readonly kind: 'cut'; readonly asks: 'file' | 'script' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'clock'; readonly by: number }
  | {
      readonly kind: 'command'
      /** `again`: a command once more, the newest one or an older one, as a client does that had no answer. */
      readonly what: 'kernel' | 'installer' | 'rescue' | 'local' | 'ram' | 'again'
      readonly nth: number
      readonly crash: Crash
    }
  | { readonly kind: 'release'; readonly crash: Crash }
  /** The installer fails and says so. */
  | { readonly kind: 'fail' }
  /** What the installer's kernel was given runs once more without a loader, as after kexec. */
  | { readonly kind: 'run again' }
  /** Somebody else, who has the nonce (`address`) or not. */
  | {
      readonly kind: 'forged'
      readonly what: 'load' | 'kernel' | 'redeem' | 'report' | 'address'
      readonly nth: number
    }

/** What the property forbids. */
export class Catastrophe extends Error {}

export type Figures = Record<
  | 'transitions'
  | 'attempts'
  | 'cut transfers'
  | 'redeemed'
  | 'installs'
  | 'quarantines'
  | 'power cuts'
  | 'crashes',
  number
>

export function FIGURES(): Figures {
  return {
    ...{ transitions: 0, attempts: 0, redeemed: 0, installs: 0, quarantines: 0 },
    ...{ 'power cuts': 0, 'cut transfers': 0, crashes: 0 },
  }
}

interface Options {
  readonly step: Step
  readonly figures: Figures
  /** The answer leaves before the commit. */
  readonly isEarly: boolean
  /** The installer says which boot it runs in. */
  readonly saysRun: boolean
}

/** A request with the boot that sent it: an answer reaches that one alone. */
interface Request {
  readonly boot: number
  readonly event: IntentEvent
}

/** `file`: it asks for its last file; `end`: it has all of that file but the end. */
type Phase = 'off' | 'loader' | 'file' | 'end' | 'installer' | 'writing' | 'disk'

const ADDRESS = '10.77.0.11'
const TRIES = 3

export class World {
  readonly #options: Options
  #disk: NodeBoots = untouched('node01')
  #memory: NodeBoots = this.#disk
  #now = NOW
  #counter = 0
  #underWay: Request[] = []
  #newest: BootIntent | undefined
  readonly #commands: Command[] = []
  /** Commands that were one with another. */
  readonly #merged = new Set<string>()
  // The machine.
  #boot = 0
  #run = 0
  #phase: Phase = 'off'
  #nonce = ''
  #mine: BootIntent | undefined
  // What the oracle knows.
  readonly #intents = new Map<string, BootIntent>()
  readonly #given = new Map<string, BootIntent>()
  readonly #tried = new Set<string>()
  readonly #redeemed = new Set<string>()
  readonly #replaced = new Set<string>()
  readonly #writers = new Map<string, Set<number>>()
  #fruitless = new Set<number>()
  /** The boot that may have been counted before the last release. */
  #counted = 0

  constructor(options: Options) {
    this.#options = options
  }

  does(deed: Deed): void {
    switch (deed.kind) {
      case 'go': {
        const request = this.#request()
        if (request !== undefined) this.#deliver(request, 'none', false)
        return
      }
      case 'send': {
        const request = this.#request()
        if (request !== undefined) this.#underWay = [...this.#underWay.slice(-30), request]
        return
      }
      case 'deliver': {
        const request = this.#underWay[deed.nth % Math.max(1, this.#underWay.length)]
        if (request !== undefined) this.#deliver(request, deed.crash, deed.isLost)
        return
      }
      case 'power cut':
        if (this.#phase !== 'off') this.#options.figures['power cuts'] += 1
        this.#phase = 'off'
        return
      case 'cut':
        if (this.#phase !== 'file' && this.#phase !== 'end') return
        this.#options.figures['cut transfers'] += 1
        this.#phase = deed.asks === 'file' ? 'file' : 'loader'
        return
      case 'restart':
        this.#memory = this.#disk
        return
      case 'clock':
        this.#now += deed.by
        return
      case 'command':
        this.#command(deed.what, deed.crash, deed.nth)
        return
      case 'release':
        this.#counter += 1
        this.#commanded({ kind: 'release', id: `c${this.#counter}` }, deed.crash)
        return
      case 'fail':
        if (this.#phase === 'writing' || this.#phase === 'installer') {
          this.#tell({ kind: 'report', nonce: this.#nonce, stage: 'failed' }, 'none')
          this.#phase = 'disk'
        }
        return
      case 'run again':
        // Only installers that say which boot they run in can be told apart.
        if (this.#phase !== 'writing' || !this.#options.saysRun || this.#mine?.redeem !== 'installer') return
        this.#run += 1
        this.#phase = 'installer'
        return
      case 'forged':
        this.#forged(deed.what, deed.nth)
        return
      default:
        deed satisfies never
    }
  }

  /** Whatever happened before: when nothing goes wrong any more, what was asked for is done. */
  endsWell(): void {
    const { intent, quarantine, fruitless } = this.#memory
    this.#options.figures.quarantines += quarantine === undefined ? 0 : 1
    const last = this.#newest
    if (last !== undefined && !this.#redeemed.has(last.id) && !this.#replaced.has(last.id))
      if (intent === undefined) throw new Catastrophe(`${last.kind} is gone, and nothing was tried`)
    if (intent?.kind !== 'install' || quarantine !== undefined || fruitless >= TRIES) return
    const { id } = intent
    this.#memory = this.#disk
    this.#phase = 'off'
    for (let step = 0; step < 9 && !this.#isDone(); step += 1) this.does({ kind: 'go' })
    if (this.#writers.get(id)?.size !== 1) throw new Catastrophe('an install that is asked for does not come')
  }

  #isDone(): boolean {
    return this.#phase === 'disk'
  }

  /** What the machine asks next; undefined when it has nothing to ask. */
  #request(): Request | undefined {
    const [boot, address, nonce] = [this.#boot, ADDRESS, this.#nonce]
    switch (this.#phase) {
      case 'off':
      case 'disk':
        this.#boot += 1
        this.#run += 1
        this.#phase = 'loader'
        return this.#request()
      case 'loader':
        return {
          boot,
          event: { kind: 'script', mac: NODE01, address, image: 'debian', keys: {}, ...this.#draft() },
        }
      case 'file':
        return { boot, event: { kind: 'load', nonce, address } }
      case 'end':
        // The server sees that all before was acknowledged.
        if (this.#mine?.redeem === 'kernel') this.#tried.add(this.#mine.id)
        return { boot, event: { kind: 'kernel', nonce, address } }
      case 'installer': {
        if (this.#mine !== undefined) this.#tried.add(this.#mine.id)
        const run = this.#options.saysRun ? { run: `run${this.#run}` } : {}
        return { boot, event: { kind: 'redeem', nonce, address, ...run } }
      }
      case 'writing':
        return { boot, event: { kind: 'report', nonce, stage: 'installed' } }
      default:
        return this.#phase satisfies never
    }
  }

  /** What the server makes of a script before it opens its attempt. */
  #draft(): { readonly intent: string; readonly nonce: string } {
    this.#counter += 1
    return { intent: this.#memory.intent?.id ?? '', nonce: `n${this.#counter}` }
  }

  /** Over HTTP a script is drafted when it is asked for; over TFTP that may be long before its asker is heard. */
  #deliver({ boot, event: sent }: Request, crash: Crash, isLost: boolean): void {
    const event = sent.kind === 'script' && boot % 2 === 0 ? { ...sent, ...this.#draft() } : sent
    const reply = this.#tell(event, crash)
    if (reply === undefined || isLost || boot !== this.#boot || this.#phase === 'off') return
    this.#hears(event, reply)
  }

  /** The server: answers when the state is on disk, and forgets what is not when it crashes. */
  #tell(event: IntentEvent, crash: Crash): IntentReply | undefined {
    const { step, figures, isEarly } = this.#options
    const before = this.#memory
    const { state, lines, reply } = step(before, event, { now: this.#now, tries: TRIES })
    figures.transitions += 1
    if (crash !== 'none') figures.crashes += 1
    if (crash === 'before commit') {
      this.#memory = this.#disk
      return isEarly ? reply : undefined
    }
    this.#disk = state
    this.#memory = state
    for (const { what } of lines) {
      if (what === 'opened') figures.attempts += 1
      if (what === 'redeemed') this.#isRedeemed(before, state)
      if (what === 'released' || what === 'done') this.#fruitless = new Set()
      if (what === 'released') this.#counted = this.#boot
    }
    return crash === 'after commit' ? undefined : reply
  }

  #isRedeemed(before: NodeBoots, after: NodeBoots): void {
    const id = after.attempt?.intent.id
    if (id === undefined || before.attempt?.redeemed !== undefined) return
    this.#options.figures.redeemed += 1
    if (!this.#tried.has(id)) throw new Catastrophe('an intent is used up that no machine tried')
    if (this.#replaced.has(id)) throw new Catastrophe('an intent is used up that nobody asks for any more')
    this.#redeemed.add(id)
  }

  #hears(event: IntentEvent, reply: IntentReply): void {
    if (reply.kind === 'boot' && event.kind === 'script' && this.#phase === 'loader') {
      const intent = this.#memory.attempt?.intent ?? this.#given.get(reply.nonce)
      if (intent === undefined) return
      this.#given.set(reply.nonce, intent)
      this.#nonce = reply.nonce
      this.#mine = intent
      this.#phase = 'file'
    } else if (reply.kind === 'go' && event.kind === 'load' && this.#phase === 'file') {
      this.#phase = 'end'
    } else if (reply.kind === 'go' && event.kind === 'kernel' && this.#isFor(event)) {
      this.#begins()
    } else if (reply.kind === 'go' && event.kind === 'redeem' && this.#phase === 'installer') {
      // The answer to the run that asked.
      if (event.run === undefined || event.run === `run${this.#run}`) this.#writes()
    } else if (reply.kind === 'refused' && this.#phase !== 'writing') {
      if (event.kind === 'load' && event.nonce === this.#nonce && this.#mayLoad())
        throw new Catastrophe('a file that was cut does not come again')
      this.#phase = 'disk'
    } else if (event.kind === 'report') this.#phase = 'disk'
  }

  #mayLoad(): boolean {
    const { intent, attempt, quarantine } = this.#disk
    const isNewest = attempt?.nonce === this.#nonce && attempt.intent.id === intent?.id
    return isNewest && attempt.redeemed === undefined && quarantine === undefined
  }

  /** The end comes by the transfer that it waits for, be it one of several. */
  #isFor({ nonce }: { readonly nonce: string }): boolean {
    return this.#phase === 'end' && nonce === this.#nonce
  }

  /** The kernel runs. */
  #begins(): void {
    const intent = this.#mine
    if (intent?.kind !== 'install') {
      this.#phase = 'disk'
      return
    }
    if (this.#boot !== this.#counted) this.#fruitless.add(this.#boot)
    if (this.#fruitless.size > TRIES)
      throw new Catastrophe(`${this.#fruitless.size} boots of installers without success`)
    if (intent.redeem === 'installer') this.#phase = 'installer'
    else this.#writes()
  }

  #writes(): void {
    const id = this.#mine?.id
    if (id === undefined) return
    const writers = this.#writers.get(id) ?? new Set()
    if (this.#merged.has(id)) throw new Catastrophe('a command that was one with another installs once more')
    this.#writers.set(id, writers.add(this.#run))
    this.#options.figures.installs += 1
    if (writers.size > 1) throw new Catastrophe('two installs for one intent')
    this.#phase = 'writing'
  }

  #command(what: Extract<Deed, { kind: 'command' }>['what'], crash: Crash, nth: number): void {
    if (what === 'again') {
      const before = this.#commands[Math.max(0, this.#commands.length - 1 - nth)]
      if (before === undefined) return
      const revision = this.#disk.revision
      this.#tell(before, crash)
      if (this.#disk.revision !== revision) throw new Catastrophe('a command that is heard again is another')
      return
    }
    const live = this.#memory.intent
    if (what === 'local' || what === 'ram') {
      if (crash !== 'before commit' && live !== undefined) this.#replaced.add(live.id)
      this.#newest = undefined
      this.#counter += 1
      this.#commanded({ kind: 'stand', id: `c${this.#counter}`, standing: what }, crash)
      return
    }
    this.#counter += 1
    const kind = what === 'rescue' ? 'rescue' : 'install'
    const redeem = what === 'installer' ? 'installer' : 'kernel'
    const intent: BootIntent = {
      ...{ id: `i${this.#counter}`, kind, profile: what, redeem, macs: [NODE01], since: this.#now },
    }
    this.#intents.set(intent.id, intent)
    const isHeard = this.#commanded({ kind: 'ask', intent }, crash)
    const isTaken = this.#disk.intent?.id === intent.id
    if (isHeard && !isTaken) this.#merged.add(intent.id)
    if (isTaken && live !== undefined) this.#replaced.add(live.id)
    if (isTaken) this.#newest = intent
  }

  /** Whether it was carried out: it is on disk, or its client knows. */
  #commanded(command: Command, crash: Crash): boolean {
    const id = command.kind === 'ask' ? command.intent.id : command.id
    const isDone = this.#tell(command, crash)?.kind === 'done'
    const isHeard = isDone || (crash === 'after commit' && this.#disk.commands?.includes(id) === true)
    if (isHeard && crash !== 'before commit') this.#commands.push(command)
    return isHeard
  }

  #forged(what: Extract<Deed, { kind: 'forged' }>['what'], nth: number): void {
    const nonces = [...this.#given.keys()]
    const nonce = what === 'address' ? this.#memory.attempt?.nonce : nonces[nth % Math.max(1, nonces.length)]
    if (nonce === undefined) return
    // Old nonces are their machine's own; the newest one comes from elsewhere.
    const isNewest = nonce === this.#memory.attempt?.nonce
    const address = isNewest ? '10.77.0.66' : ADDRESS
    if (what === 'report') {
      const boots = this.#fruitless
      this.#tell({ kind: 'report', nonce: isNewest ? 'claimed' : nonce, stage: 'installed' }, 'none')
      // What is only claimed is no success.
      this.#fruitless = boots
    } else if (what === 'redeem') this.#tell({ kind: 'redeem', nonce, address }, 'none')
    else this.#tell({ kind: what === 'load' ? 'load' : 'kernel', nonce, address }, 'none')
  }
}
