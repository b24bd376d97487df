import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../../lib/text.ts'
import { blankMessage } from './message.ts'
import {
  DISCOVERY_CONTROL,
  pxeBootMenu,
  pxeDiscoveryControl,
  pxeMenuPrompt,
  pxeVendorOptions,
} from './option-43.ts'
import { enterprisesOf } from './option-125.ts'

test('option 43 of PXE and of a Raspberry Pi, octet by octet (PXE 2.1, Table 2-1)', () => {
  const { useThisBootFile, noBroadcast, noMulticast } = DISCOVERY_CONTROL
  const pxe = pxeVendorOptions([pxeDiscoveryControl(useThisBootFile)])
  assert.deepEqual([pxe.code, toHex(pxe.data)], [43, '060108ff'])
  const pi = pxeVendorOptions([
    pxeDiscoveryControl(noBroadcast | noMulticast),
    pxeMenuPrompt(0, 'PXE'),
    pxeBootMenu([{ type: 0, text: 'Raspberry Pi Boot' }]),
  ])
  assert.equal(
    toHex(pi.data),
    `0601030a04005058450914000011${Buffer.from('Raspberry Pi Boot').toString('hex')}ff`,
  )
  assert.equal(toHex(pxeBootMenu([{ type: 0x8001, text: 'a' }]).data), '80010161')
})

test('option 125: enterprise numbers (RFC 3925), nothing of a value that is cut off', () => {
  const numbers = (hex: string): readonly number[] =>
    enterprisesOf({
      ...blankMessage('request'),
      options: [{ code: 125, data: new Uint8Array(Buffer.from(hex, 'hex')) }],
    })
  for (const [hex, expected] of [
    ['0000a67f00', [42623]],
    ['0000a67f03010141ffffffff00', [42623, 0xffffffff]],
    ['0000a67f', []],
    ['0000a67f0301', []],
    ['', []],
  ] as const)
    assert.deepEqual(numbers(hex), expected, hex)
  assert.deepEqual(enterprisesOf(blankMessage('request')), [])
})
