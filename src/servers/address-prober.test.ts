import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, mac } from '../../test/helpers/world.ts'
import { type Heard, proberOn } from './address-prober.ts'

const OWN = mac('52:54:00:77:00:01')
const OTHER = mac('02:00:00:00:00:99')
const [ONE, TWO, THREE] = ['10.77.0.101', '10.77.0.102', '10.77.0.103'].map(ip) as [never, never, never]

/** A wire whose answers are said by the test. */
function wire(sends = true) {
  const asked: number[] = []
  const heard: Heard[] = []
  let isClosed = false
  return {
    asked,
    heard,
    get isClosed() {
      return isClosed
    },
    ask: (address: number) => {
      asked.push(address)
      return sends
    },
    hear: () => heard.shift(),
    close: () => {
      isClosed = true
    },
  }
}

test('many questions at a time: each is answered by its own address, and not by its own client', async () => {
  const cable = wire()
  const prober = proberOn(cable)
  const asking = { own: [OWN], milliseconds: 40 }
  const outcomes = [ONE, TWO, THREE].map((address) => prober.probe(address, asking))
  cable.heard.push(
    { address: TWO, mac: OTHER },
    { address: ONE, mac: OWN },
    { address: ip('10.77.0.9'), mac: OTHER },
  )
  assert.deepEqual(await Promise.all(outcomes), [
    { kind: 'free' },
    { kind: 'conflict', mac: OTHER },
    { kind: 'free' },
  ])
  cable.heard.push({ address: THREE })
  const late = prober.probe(THREE, asking)
  assert.deepEqual(await late, { kind: 'free' }, 'what came before the question is no answer')
  assert.deepEqual(cable.asked, [ONE, TWO, THREE, THREE])
  prober.close()
})

test('an answer that waits when the time is over counts', async () => {
  const cable = wire()
  const prober = proberOn(cable)
  const outcome = prober.probe(ONE, { own: [], milliseconds: 0 })
  cable.heard.push({ address: ONE })
  assert.deepEqual(await outcome, { kind: 'conflict' })
  prober.close()
})

test('what cannot be sent, is asked twice, or is open at the end is unavailable', async () => {
  const asking = { own: [], milliseconds: 60_000 }
  assert.deepEqual(await proberOn(wire(false)).probe(ONE, asking), { kind: 'unavailable' })
  const cable = wire()
  const prober = proberOn(cable)
  const open = prober.probe(ONE, asking)
  assert.deepEqual(await prober.probe(ONE, asking), { kind: 'unavailable' })
  prober.close()
  assert.deepEqual(await open, { kind: 'unavailable' })
  assert.deepEqual(await prober.probe(TWO, asking), { kind: 'unavailable' })
  assert.ok(cable.isClosed)
})
