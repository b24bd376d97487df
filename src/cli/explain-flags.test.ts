import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mac } from '../../test/helpers/world.ts'
import { supposeMessage } from '../boot/suppose.ts'
import { toHex } from '../lib/text.ts'
import { optionBytes } from '../protocol/dhcp4/options.ts'
import { readMessage } from './explain-flags.ts'

const FLAGS = { message: 'discover' }

test('--option puts text or octets in the place of what the client would send, or leaves it out', () => {
  const message = supposeMessage({
    ...{ mac: mac('52:54:00:00:00:01'), arch: 'uefi-x64', stage: 'ipxe', via: 'dhcp', form: 'ipxe' },
    message: readMessage({ ...FLAGS, option: ['77=gPXE', '93=0x7fff', '175=', '150=a=b'] }),
  })
  const options = Object.fromEntries(
    [53, 60, 77, 93, 150, 175].map((code) => [code, toHex(optionBytes(message, code) ?? new Uint8Array())]),
  )
  assert.deepEqual(options, {
    53: '01',
    // printf PXEClient:Arch:00007:UNDI:003000 | xxd -p
    60: '505845436c69656e743a417263683a30303030373a554e44493a303033303030',
    ...{ 77: '67505845', 93: '7fff', 150: '613d62', 175: '' },
  })
})

test('--option says what is wrong with it', () => {
  for (const [option, problem] of [
    ['foo', /expected CODE=VALUE .* got "foo"/],
    ['0=1', /code from 1 to 254/],
    ['255=1', /code from 1 to 254/],
    ['93=0x7', /pairs of hex digits, got "0x7"/],
    [`60=${'x'.repeat(256)}`, /at most 255 octets, got 256/],
  ] as const)
    assert.throws(() => readMessage({ ...FLAGS, option: [option] }), problem)
})
