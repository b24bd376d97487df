import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NODE01, STRANGER, told, type WorldBuilder, world } from '../../test/helpers/world.ts'
import type { Mac } from '../lib/mac.ts'
import { imageFiles, linuxVariants } from '../model/image.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'

const FULL = { loads: false, loading: 32, octets: 0, ahead: 6, place: 7, waiting: 23 }

function ask(there: WorldBuilder, client: Mac = NODE01, choice?: string): Decision {
  const chosen = choice === undefined ? {} : { choice, confirmed: true }
  return decide(there.asks('http', { kind: 'run', ...chosen }, client), there.build())
}

/** What it gets, and why. */
function got(decision: Decision): readonly [string, string | undefined] {
  const { action, trace } = decision
  assert.ok(action.kind === 'script')
  const { script } = action
  const what =
    script.kind === 'queue'
      ? `number ${script.place} of ${script.waiting}, ${script.loading} load, again in ${script.retrySeconds} s`
      : script.kind
  return [what, told(trace.filter(({ rule }) => rule === 'boot.queue'))[0]]
}

describe('who loads and who waits', () => {
  const rows: readonly (readonly [string, WorldBuilder, string, string | undefined])[] = [
    [
      'all places are taken',
      world().queue(FULL),
      'number 7 of 23, 32 load, again in 1 s',
      'boot.queue state: boots: 32, 32 load: number 7 of 23 that wait',
    ],
    [
      'it is next, and a place is free',
      world().queue({ loads: false, loading: 31, octets: 0, ahead: 0, place: 1, waiting: 5 }),
      'boot',
      'boot.queue state: boots: 32, 31 others load: it loads now',
    ],
    [
      'as many places are free as stand before it, and one more',
      world().queue({ loads: false, loading: 28, octets: 0, ahead: 3, place: 4, waiting: 5 }),
      'boot',
      'boot.queue state: boots: 32, 28 others load: it loads now',
    ],
    [
      'a place is free, but somebody stands before it',
      world().queue({ loads: false, loading: 31, octets: 0, ahead: 1, place: 2, waiting: 5 }),
      'number 2 of 5, 31 load, again in 1 s',
      'boot.queue state: boots: 32, 31 load: number 2 of 5 that wait',
    ],
    [
      'it loads already, and asks once more',
      world().queue({ loads: true, loading: 31, octets: 0, ahead: 8, place: 9, waiting: 9 }),
      'boot',
      'boot.queue state: boots: 32, it is one of them: it loads now',
    ],
    [
      'boots: 1, far behind',
      world()
        .network({ boots: 1 })
        .queue({ loads: false, loading: 1, octets: 0, ahead: 8, place: 9, waiting: 9 }),
      'number 9 of 9, 1 load, again in 8 s',
      'boot.queue state: boots: 1, 1 load: number 9 of 9 that wait',
    ],
    [
      'nobody counts, as in explain',
      world(),
      'boot',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
    ],
  ]
  const auto = (queue: { loading: number; octets: number; ahead: number }): WorldBuilder =>
    world()
      .network({ boots: 'auto' })
      .queue({ loads: false, place: queue.ahead + 1, waiting: 9, ...queue })
  /** The image of these worlds has 38 MB. */
  const automatic: typeof rows = [
    [
      'boots: auto, less than 8 GB under way',
      auto({ loading: 100, octets: 6e9, ahead: 0 }),
      'boot',
      'boot.queue state: boots: auto, 100 others load: it loads now',
    ],
    [
      'boots: auto, 8 GB under way',
      auto({ loading: 100, octets: 7.99e9, ahead: 0 }),
      'number 1 of 9, 100 load, again in 1 s',
      'boot.queue state: boots: auto, 100 load: number 1 of 9 that wait',
    ],
    [
      'boots: auto, room that is kept for those before it',
      auto({ loading: 10, octets: 7.7e9, ahead: 8 }),
      'number 9 of 9, 10 load, again in 1 s',
      'boot.queue state: boots: auto, 10 load: number 9 of 9 that wait',
    ],
    [
      'boots: auto, eight machines load however large their image is',
      auto({ loading: 7, octets: 70e9, ahead: 0 }),
      'boot',
      'boot.queue state: boots: auto, 7 others load: it loads now',
    ],
  ]
  for (const [name, there, what, why] of [...rows, ...automatic])
    test(name, () => assert.deepEqual(got(ask(there.labNodes())), [what, why]))

  test('boots: false: everybody loads, and no rule speaks', () => {
    const there = world().labNodes().queue(FULL)
    // The key is absent then: `exactOptionalPropertyTypes`.
    const { boots: _, ...network } = there.addresses(NODE01).network
    const full = there.build()
    const unlimited = { ...full, config: { ...full.config, networks: [network] } }
    const decision = decide(there.asks('http', { kind: 'run' }, NODE01), unlimited)
    assert.deepEqual(got(decision), ['boot', undefined])
    assert.ok(decision.action.kind === 'script' && decision.action.boots?.loads.length === 2)
  })

  test('a small image waits for nobody and takes no place', () => {
    const there = world().labNodes().queue(FULL)
    const full = there.build()
    const [image] = [...full.images.values()]
    assert.ok(image !== undefined)
    const [kernel] = imageFiles(image)
    assert.ok(kernel !== undefined)
    const small = { ...image, variants: linuxVariants({ ...kernel, size: 33_554_431 }, []) }
    const decision = decide(there.asks('http', { kind: 'run' }, NODE01), {
      ...full,
      images: new Map([[small.name, small]]),
    })
    assert.deepEqual(got(decision), [
      'boot',
      'boot.queue config: debian-live is too small to wait for: it loads now',
    ])
    assert.ok(decision.action.kind === 'script' && decision.action.boots?.loads.length === 0)
  })

  test('the menu, its pages and the local disk never wait', () => {
    const kinds = ([undefined, 'info', 'local'] as const).map(
      (choice) => got(ask(world().queue(FULL), STRANGER, choice))[0],
    )
    assert.deepEqual(kinds, ['menu', 'page', 'local-disk'])
  })

  test('whoever waits opens no boot attempt', () => {
    const { action } = ask(world().labNodes().queue(FULL))
    assert.ok(action.kind === 'script' && action.boots === undefined)
  })

  test('what was chosen in the menu is asked for again', () => {
    const { action } = ask(world().queue(FULL), STRANGER, 'worker')
    assert.ok(action.kind === 'script' && action.script.kind === 'queue')
    assert.deepEqual(
      [action.script.choice, action.script.title],
      ['worker', `${STRANGER}: worker (debian-live)`],
    )
  })
})
