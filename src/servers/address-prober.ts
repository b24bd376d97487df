import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { AddressProber, ProbeOutcome } from '../model/ports.ts'

/** A way to ask who has an address. */
export interface ProbeWire {
  /** Whether the question was sent. Never blocks. */
  ask(address: Ipv4): boolean
  /** The next waiting answer; undefined when none waits. Never blocks. */
  hear(): Heard | undefined
  close(): void
}

export interface Heard {
  readonly address: Ipv4
  readonly mac?: Mac
}

/** Milliseconds between two looks at what was heard. A free address is known no sooner than its time is over anyway. */
const LOOK_EVERY_MS = 10
/** Answers of one look: a flood of them cannot keep us here. */
const HEARD_A_LOOK = 1024

interface Asked {
  readonly own: readonly Mac[]
  readonly until: number
  readonly settle: (outcome: ProbeOutcome) => void
}

export interface ClosableProber extends AddressProber {
  /** Settles what is asked as unavailable. */
  close(): void
}

/** Any number of questions at a time over one wire, which is looked at while there is one. */
export function proberOn(wire: ProbeWire): ClosableProber {
  const asked = new Map<Ipv4, Asked>()
  let timer: NodeJS.Timeout | undefined
  let isOpen = true

  const settle = (address: Ipv4, outcome: ProbeOutcome): void => {
    const question = asked.get(address)
    asked.delete(address)
    question?.settle(outcome)
    if (asked.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  const look = (): void => {
    for (let i = 0; i < HEARD_A_LOOK; i += 1) {
      const heard = wire.hear()
      if (heard === undefined) break
      const question = asked.get(heard.address)
      const isOwn = heard.mac !== undefined && question?.own.includes(heard.mac) === true
      if (question !== undefined && !isOwn)
        settle(heard.address, { kind: 'conflict', ...(heard.mac === undefined ? {} : { mac: heard.mac }) })
    }
    const now = performance.now()
    for (const [address, { until }] of asked) if (until <= now) settle(address, { kind: 'free' })
  }
  return {
    probe(address, { own, milliseconds }) {
      // What came while nobody was asked about answers nothing of ours.
      if (asked.size === 0) look()
      if (!isOpen || asked.has(address) || !wire.ask(address)) return Promise.resolve({ kind: 'unavailable' })
      timer ??= setInterval(look, LOOK_EVERY_MS)
      const until = performance.now() + milliseconds
      return new Promise((resolve) => asked.set(address, { own, until, settle: resolve }))
    },
    close() {
      if (isOpen) wire.close()
      isOpen = false
      for (const address of asked.keys()) settle(address, { kind: 'unavailable' })
    },
  }
}
