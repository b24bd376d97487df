import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, network } from '../../test/helpers/world.ts'
import { heardWith, placeOf } from './explain-place.ts'

const { interface: _, ...far } = network('10.78.0.0/24', { name: 'far' })
const off = network('10.76.0.0/24', { name: 'off', dhcp: 'off', address: ip('10.76.0.1') })
const lan = network('10.77.0.0/24', { name: 'lan', address: ip('10.77.0.9') })

test('relays of a network with neither interface nor address reach us at an address of one that listens', () => {
  const config = { networks: [far, off, lan] }
  assert.equal(heardWith(far, config), lan)
  assert.deepEqual(placeOf(far, config), { network: far, address: ip('10.77.0.9') })
  const own = { ...far, address: ip('192.0.2.1') }
  assert.deepEqual(placeOf(own, config), { network: own, address: ip('192.0.2.1') })
  assert.deepEqual(placeOf(lan, config), { network: lan, address: ip('10.77.0.9') })
})
