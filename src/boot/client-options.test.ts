import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientMessage } from '../../test/helpers/wire.ts'
import { parseSubnet } from '../lib/ipv4.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { wishedOptions } from './client-options.ts'

test('a broadcast address where there is one: RFC 3021, of a /31 it is the other host', () => {
  const told = (text: string): boolean => {
    const subnet = parseSubnet(text)
    assert.ok(subnet.ok, text)
    const options = wishedOptions(clientMessage('DISCOVER', '52:54:00:00:00:01'), subnet.value, {})
    return options.some(({ code }) => code === OPTION.broadcastAddress)
  }
  assert.deepEqual(
    ['10.0.0.0/24', '10.0.0.0/30', '10.0.0.0/31', '10.0.0.1/32'].map((text) => [text, told(text)]),
    [
      ['10.0.0.0/24', true],
      ['10.0.0.0/30', true],
      ['10.0.0.0/31', false],
      ['10.0.0.1/32', false],
    ],
  )
})
