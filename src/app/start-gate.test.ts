import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '../../test/helpers/world.ts'
import type { DhcpMode } from '../model/config.ts'
import { describeRefusal, StartGate } from './start-gate.ts'

const THEIRS = ip('10.77.0.9')
const THEM = { address: THEIRS, kind: 'dhcp' } as const
const SERVER = { dhcp: 'server', probe: true, besides: [] } as const
const REFUSED = { kind: 'refused', servers: [THEIRS] }

/** The moments at which it asks, in these milliseconds. */
function asks(gate: StartGate, dhcp: DhcpMode, probe: boolean, until: number): readonly number[] {
  const times: number[] = []
  for (let now = 0; now < until; now += 250)
    if (gate.shouldAsk({ dhcp, probe, besides: [] }, now)) times.push(now)
  return times
}

test('O03: one question in ten minutes, sent twice, where the server answers; never where it only watches', () => {
  const hour = 3_600_000
  for (const mode of ['server', 'proxy'] as const) {
    const times = asks(new StartGate(), mode, true, hour)
    assert.equal(times.length, 12)
    times.forEach((time, i) => {
      assert.equal(time, Math.floor(i / 2) * 600_000 + (i % 2) * 1500)
    })
    assert.deepEqual(asks(new StartGate(), mode, false, hour), [])
  }
  for (const mode of ['off', 'observe'] as const)
    assert.deepEqual(asks(new StartGate(), mode, true, hour), [])
})

test('O03: a change of mode does not ask again before its time', () => {
  const gate = new StartGate()
  assert.deepEqual(asks(gate, 'proxy', true, 2000), [0, 1500])
  assert.equal(gate.shouldAsk(SERVER, 300_000), false)
  assert.equal(gate.shouldAsk(SERVER, 600_000), true)
})

test('O04: nobody answers: the server starts after 300 ms, and goes on whoever appears later', () => {
  const gate = new StartGate()
  assert.deepEqual(gate.verdict(SERVER, 0), { kind: 'wait' }, 'nobody was asked yet')
  gate.shouldAsk(SERVER, 0)
  assert.deepEqual(gate.verdict(SERVER, 299), { kind: 'wait' })
  assert.deepEqual(gate.verdict(SERVER, 300), { kind: 'go' })
  gate.heard({ ...THEM, kind: 'proxy' }, 1000)
  assert.deepEqual(gate.verdict(SERVER, 1000), { kind: 'go' }, 'a proxy gives no addresses')
  assert.deepEqual(gate.verdict(SERVER, 5000), { kind: 'go' })
  gate.heard(THEM, 5001)
  assert.deepEqual(gate.verdict(SERVER, 5002), { kind: 'go' })
  gate.shouldAsk(SERVER, 600_000)
  gate.heard(THEM, 600_001)
  assert.deepEqual(gate.verdict(SERVER, 600_002), { kind: 'go' })
})

test('O04: another server answers: refused, at once, or within 5 s by one that pings first', () => {
  for (const answeredAt of [1, 3100]) {
    const gate = new StartGate()
    gate.shouldAsk(SERVER, 0)
    if (answeredAt > 300) assert.deepEqual(gate.verdict(SERVER, 3000), { kind: 'go' })
    gate.heard(THEM, answeredAt)
    for (const now of [answeredAt, 10_000, 599_999])
      assert.deepEqual(gate.verdict(SERVER, now), REFUSED, `${answeredAt} ${now}`)
  }
})

test('O04: refused starts when the configuration names the server, or when nobody answers the next question', () => {
  const refused = (): StartGate => {
    const gate = new StartGate()
    gate.shouldAsk(SERVER, 0)
    gate.heard(THEM, 1)
    assert.deepEqual(gate.verdict(SERVER, 10_000), REFUSED)
    return gate
  }
  assert.deepEqual(refused().verdict({ ...SERVER, besides: [THEIRS] }, 10_001), { kind: 'go' })
  assert.deepEqual(refused().verdict({ ...SERVER, besides: [ip('10.77.0.8')] }, 10_001), REFUSED)
  assert.deepEqual(refused().verdict({ ...SERVER, probe: false }, 10_001), { kind: 'go' })
  assert.deepEqual(refused().verdict({ ...SERVER, dhcp: 'proxy' }, 10_001), { kind: 'go' })

  const gate = refused()
  assert.ok(gate.shouldAsk(SERVER, 600_000))
  assert.deepEqual(gate.verdict(SERVER, 604_999), REFUSED, 'it may ping first')
  assert.deepEqual(gate.verdict(SERVER, 605_000), { kind: 'go' })
  const again = refused()
  again.shouldAsk(SERVER, 600_000)
  again.heard(THEM, 603_000)
  assert.deepEqual(again.verdict(SERVER, 605_000), REFUSED)
})

test('O04: beside named servers another one is refused all the same', () => {
  const gate = new StartGate()
  const beside = { ...SERVER, besides: [ip('10.77.0.8')] }
  gate.shouldAsk(beside, 0)
  gate.heard({ address: ip('10.77.0.8'), kind: 'dhcp' }, 1)
  assert.deepEqual(gate.verdict(beside, 300), { kind: 'go' })
  gate.heard(THEM, 301)
  assert.deepEqual(gate.verdict(beside, 302), REFUSED)
})

test('O04: the refusal names the servers and the ways out', () => {
  assert.equal(
    describeRefusal(['10.77.0.9']),
    'refused: another DHCP server answers here, 10.77.0.9: stop it, set dhcp: proxy, or name it in besides: [10.77.0.9]; asked again every ten minutes, and at the next start',
  )
  assert.match(
    describeRefusal(['10.77.0.8', '10.77.0.9']),
    /others? DHCP servers answer here.*besides: \[10\.77\.0\.8, 10\.77\.0\.9\]/,
  )
})

test('a flood of forged answers: the list is bounded', () => {
  const gate = new StartGate()
  gate.shouldAsk(SERVER, 0)
  for (let i = 0; i < 1000; i += 1) gate.heard({ address: ip(`10.9.${i >> 8}.${i & 255}`), kind: 'dhcp' }, 1)
  const verdict = gate.verdict(SERVER, 2)
  assert.equal(verdict.kind === 'refused' && verdict.servers.length, 64)
})
