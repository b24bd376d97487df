import { guardsOf } from '../boot/menu.ts'
import type { Mac } from '../lib/mac.ts'
import { OldestFirst } from '../lib/oldest-first.ts'
import type { Config } from '../model/config.ts'
import type { MenuAccessView } from '../model/world.ts'
import { RateLimit } from './rate.ts'

/** Guesses of one address: at once, then one in half a minute. */
const OF_AN_ADDRESS = { burst: 5, perSecond: 1 / 30, most: 10_000 } as const
/** Of a whole network, whatever addresses they come from: each costs a core some fifty milliseconds. */
const OF_A_NETWORK = { burst: 30, perSecond: 0.5, most: 256 } as const
/** How long what a machine opened stays open after it was asked for last, in milliseconds. */
const OPEN_MS = 600_000
const MOST_OPEN = 10_000

export interface Guess {
  readonly mac: Mac
  /** Dotted decimal; a connection of TCP comes from there. */
  readonly peer: string
  readonly network: string
  /** The entry that somebody chose. */
  readonly choice: string
  /** Absent: nobody was asked yet. */
  readonly password?: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The entries of the menu that a password opened, for the machine and the address at which it was given. */
export class MenuAccess {
  readonly #verify: (hash: string, password: string) => Promise<boolean>
  readonly #ofAddresses = new RateLimit(OF_AN_ADDRESS)
  readonly #ofNetworks = new RateLimit(OF_A_NETWORK)
  /** Until when, by machine, address and entry. */
  readonly #open = new OldestFirst<string, number>()

  constructor(verify: (hash: string, password: string) => Promise<boolean>) {
    this.#verify = verify
  }

  /** What a decision may know; a password is compared with the first lock that is still shut. */
  async view(config: Config, guess: Guess): Promise<MenuAccessView> {
    const opened = (lock: string): boolean => this.#isOpen(keyOf(guess, lock), guess.now)
    const shut = guardsOf(config.menu, guess.choice).find(({ lock }) => !opened(lock))
    if (shut === undefined || guess.password === undefined) return { opened }
    const { peer, network, now } = guess
    if (!this.#ofAddresses.take(peer, now) || !this.#ofNetworks.take(network, now))
      return { opened, refused: 'too-many' }
    if (!(await this.#verify(shut.password, guess.password))) return { opened, refused: 'wrong' }
    this.#open.set(keyOf(guess, shut.lock), now + OPEN_MS)
    this.#open.trim(MOST_OPEN)
    return { opened }
  }

  #isOpen(key: string, now: number): boolean {
    const until = this.#open.get(key)
    if (until === undefined || until < now) return false
    this.#open.set(key, now + OPEN_MS)
    return true
  }
}

function keyOf({ mac, peer }: Guess, lock: string): string {
  return `${mac} ${peer} ${lock}`
}
