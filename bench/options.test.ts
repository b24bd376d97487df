import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientsOfStep, readOptions } from './options.ts'

function optionsOf(...args: readonly string[]) {
  const asked = readOptions(args)
  assert.equal(asked.kind, 'run')
  assert.ok(asked.kind === 'run')
  return asked.options
}

test('without flags the whole ladder is run, three times, against every peer', () => {
  const { growth, peers, repeats, rates } = optionsOf()
  assert.deepEqual({ growth, repeats }, { growth: false, repeats: 3 })
  assert.deepEqual(peers, ['centra-pxe', 'kea', 'kea-single', 'dhcpd', 'dnsmasq'])
  assert.ok(rates.includes(1000))
})

test('flags win over --quick, rates are put in order', () => {
  const { rates, seconds, repeats, peers } = optionsOf(
    ...['--quick', '--rates', '500,100,500', '--seconds', '9', '--peers', 'dnsmasq,kea'],
  )
  assert.deepEqual({ rates, seconds, repeats }, { rates: [100, 500], seconds: 9, repeats: 1 })
  assert.deepEqual(peers, ['kea', 'dnsmasq'])
})

test('what cannot be run is said', () => {
  for (const [args, why] of [
    [['--peers', 'kea,windows'], /no peer windows/],
    [['--rates', '100,fast'], /whole numbers/],
    [['--repeats', '0'], /whole numbers/],
    [['--fast'], /fast/],
    [['--seconds', '60'], /too long/],
    [['--leases', '16000'], /room for/],
  ] as const) {
    const asked = readOptions(args)
    assert.ok(asked.kind === 'wrong')
    assert.match(asked.why, why)
  }
  assert.equal(readOptions(['--help']).kind, 'help')
})

test('no client of a step comes twice', () => {
  assert.ok(clientsOfStep(100, 4) > 400)
})
