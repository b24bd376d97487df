import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import {
  Catastrophe,
  type Deed,
  FIGURES,
  type Figures,
  type Step,
  World,
} from '../../test/helpers/intent-world.ts'
import { untouched } from '../model/intent.ts'
import { advance } from './intents.ts'

const SEED = 20261123
const RUNS = runs(10_000, 1_000_000)
/** A mutant that lives so long is not found. */
const MUTANT_RUNS = 20_000
const MOST_DEEDS = 300
const MINUTE = 60_000

const jump = fc.constantFrom(
  1,
  1000,
  MINUTE,
  9 * MINUTE,
  10 * MINUTE,
  1e9,
  1e12,
  -1,
  -MINUTE,
  -11 * MINUTE,
  -1e12,
)
const crash = fc.constantFrom(
  'none',
  'none',
  'none',
  'none',
  'before commit',
  'after commit',
) as fc.Arbitrary<Extract<Deed, { kind: 'deliver' }>['crash']>
const nth = fc.nat({ max: 30 })

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 30, arbitrary: fc.constant<Deed>({ kind: 'go' }) },
  { weight: 8, arbitrary: fc.constant<Deed>({ kind: 'send' }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), nth, crash, isLost: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.constant<Deed>({ kind: 'power cut' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      asks: fc.constantFrom('file', 'script'),
    }) as fc.Arbitrary<Deed>,
  },
  { weight: 2, arbitrary: fc.constant<Deed>({ kind: 'restart' }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('clock' as const), by: jump }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('command' as const),
      what: fc.constantFrom('kernel', 'kernel', 'installer', 'installer', 'rescue', 'local', 'ram', 'again'),
      crash,
      nth,
    }) as fc.Arbitrary<Deed>,
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), crash }) },
  { weight: 6, arbitrary: fc.constant<Deed>({ kind: 'fail' }) },
  { weight: 2, arbitrary: fc.constant<Deed>({ kind: 'run again' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('forged' as const),
      what: fc.constantFrom('load', 'kernel', 'redeem', 'report', 'address'),
      nth,
    }) as fc.Arbitrary<Deed>,
  },
)

function property(step: Step, figures: Figures, isEarly = false): fc.IProperty<[readonly Deed[], boolean]> {
  return fc.property(
    fc.array(deed, { maxLength: MOST_DEEDS, size: 'max' }),
    fc.boolean(),
    (deeds, saysRun) => {
      const world = new World({ step, figures, isEarly, saysRun })
      for (const one of deeds) world.does(one)
      world.endsWell()
    },
  )
}

test(`one intent, one install; none is burnt without a try; no more than three boots without success (${RUNS} runs)`, (t) => {
  const figures = FIGURES()
  fc.assert(property(advance, figures), { seed: SEED, numRuns: RUNS })
  t.diagnostic(
    Object.entries(figures)
      .map(([name, count]) => `${count} ${name}`)
      .join(', '),
  )
  for (const [name, count] of Object.entries(figures)) assert.ok(count > 100, `only ${count} ${name}`)
})

/** Each is a mistake that the property must find. */
const MUTANTS: Readonly<Record<string, Step>> = {
  'the redemption leaves the intent where it is': (state, event, at) => {
    const done = advance(state, event, at)
    return state.intent !== undefined && done.state.intent === undefined && done.reply.kind === 'go'
      ? { ...done, state: { ...done.state, intent: state.intent } }
      : done
  },
  'the kernel without an agent redeems nothing': (state, event, at) => {
    const done = advance(state, event, at)
    return event.kind === 'kernel' && done.reply.kind === 'go' ? { ...done, state, lines: [] } : done
  },
  'every nonce is as good as the newest': (state, event, at) =>
    'nonce' in event && event.kind !== 'script' && state.attempt !== undefined
      ? advance(state, { ...event, nonce: state.attempt.nonce }, at)
      : advance(state, event, at),
  'every address is as good as the lease': (state, event, at) =>
    (event.kind === 'load' || event.kind === 'kernel' || event.kind === 'redeem') &&
    state.attempt !== undefined
      ? advance(state, { ...event, address: state.attempt.address }, at)
      : advance(state, event, at),
  'an intent ends with time': (state, event, at) => {
    const { intent, ...rest } = state
    const isOld = intent !== undefined && at.now - intent.since > 1e9
    return advance(isOld ? rest : state, event, at)
  },
  'a script uses the intent up': (state, event, at) => {
    const done = advance(state, event, at)
    if (done.reply.kind !== 'boot') return done
    const { intent: _, ...rest } = done.state
    return { ...done, state: rest }
  },
  'whoever asks for the last file has had it': (state, event, at) => {
    if (event.kind !== 'load') return advance(state, event, at)
    return advance(state, { ...event, kind: 'kernel' }, at)
  },
  'a file that is asked for is not to be asked for again': (state, event, at) => {
    const isLoading = event.kind === 'load' && state.attempt?.isLoading === true
    if (!isLoading) return advance(state, event, at)
    return { state, lines: [], reply: { kind: 'refused', why: 'over', because: 'it was asked for' } }
  },
  'a boot of an installer is not counted': (state, event, at) => {
    const done = advance(state, event, at)
    return event.kind === 'kernel' ? { ...done, state: { ...done.state, fruitless: state.fruitless } } : done
  },
  'a boot is counted once for each nonce': (state, event, at) => {
    const done = advance(state, event, at)
    const isCounted = event.kind === 'kernel' && (state.attempt?.starts ?? 0) > 0
    return isCounted ? { ...done, state: { ...done.state, fruitless: state.fruitless } } : done
  },
  'what was replaced can still be redeemed': (state, event, at) => {
    const { attempt } = state
    const isOver = attempt === undefined || attempt.redeemed !== undefined || attempt.ended !== undefined
    return isOver || (event.kind !== 'redeem' && event.kind !== 'kernel')
      ? advance(state, event, at)
      : advance({ ...state, intent: attempt.intent }, event, at)
  },
  'another boot may go on with a redeemed attempt': (state, event, at) => {
    if (event.kind !== 'redeem') return advance(state, event, at)
    const { run: _, ...rest } = event
    return advance(state, rest, at)
  },
  'a claimed report counts': (state, event, at) =>
    event.kind === 'report' && state.attempt !== undefined
      ? advance(state, { ...event, nonce: state.attempt.nonce }, at)
      : advance(state, event, at),
  'a command heard twice is two': (state, event, at) =>
    event.kind === 'ask' && state.attempt?.intent.id === event.intent.id
      ? {
          ...advance(state, event, at),
          state: { ...state, revision: state.revision + 1, intent: event.intent },
        }
      : advance(state, event, at),
  'only the newest command is known again': (state, event, at) => {
    const { commands: _, ...rest } = advance(state, event, at).state
    return { ...advance(state, event, at), state: rest }
  },
  'a command that changes nothing is forgotten': (state, event, at) => {
    const done = advance(state, event, at)
    return event.kind === 'ask' && done.lines.length === 0 ? { ...done, state } : done
  },
  'a quarantine ends by itself': (state, event, at) => {
    const { quarantine, ...rest } = state
    return advance(quarantine === undefined ? state : { ...rest, fruitless: 0 }, event, at)
  },
}

describe('the property can fail', () => {
  for (const [name, mutant] of Object.entries(MUTANTS))
    test(name, (t) => {
      const found = fc.check(property(mutant, FIGURES()), {
        seed: SEED,
        numRuns: MUTANT_RUNS,
        endOnFailure: true,
      })
      assert.ok(found.failed, 'it lives')
      assert.ok(found.errorInstance instanceof Catastrophe, String(found.errorInstance))
      t.diagnostic(`after ${found.numRuns} runs: ${found.errorInstance.message}`)
    })

  test('an answer that does not wait for the disk', (t) => {
    const found = fc.check(property(advance, FIGURES(), true), {
      seed: SEED,
      numRuns: MUTANT_RUNS,
      endOnFailure: true,
    })
    assert.ok(found.errorInstance instanceof Catastrophe, String(found.errorInstance))
    t.diagnostic(`after ${found.numRuns} runs: ${found.errorInstance.message}`)
  })
})

test('nothing that comes by the network throws, whatever state it meets', () => {
  const state = untouched('node01')
  const at = { now: 0, tries: 3 }
  for (const event of [
    { kind: 'load', nonce: 'x', address: 'y' },
    { kind: 'kernel', nonce: 'x', address: 'y' },
    { kind: 'redeem', nonce: 'x', address: 'y' },
    { kind: 'report', nonce: 'x', stage: 'installed' },
    {
      kind: 'script',
      mac: '52:54:00:77:00:01' as never,
      address: 'y',
      image: 'i',
      intent: 'j',
      keys: {},
      nonce: 'x',
    },
  ] as const)
    assert.equal(advance(state, event, at).state, state)
})
