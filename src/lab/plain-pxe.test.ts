import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIpv4 } from '../lib/ipv4.ts'
import { fromHex, toHex } from '../lib/text.ts'
import { buildIpv4Udp, parseEthernetUdp } from '../protocol/frame/ipv4-udp.ts'
import { rewriteSentFrame } from './plain-pxe.ts'

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? assert.fail(text)
const ip = (text: string): NonNullable<ReturnType<typeof parseIpv4>> => parseIpv4(text) ?? assert.fail(text)

/** DISCOVER, arch, user class "iPXE", iPXE's own options, a requested list, end. */
const IPXE_OPTIONS = '350101 5d020000 4d0469505845 af0a b10501af4100139f 0101 3703010342 ff'
const PLAIN_OPTIONS = '350101 5d020000 3703010342 ff'

test('the ROM loses options 77 and 175, nothing else', () => {
  const sent = frame({ port: 67, payload: dhcp(IPXE_OPTIONS) })
  const { frame: seen, stage } = rewriteSentFrame(sent, 'rom')
  assert.equal(stage, 'rom')
  assert.deepEqual(payloadOf(seen), dhcp(PLAIN_OPTIONS))
  assert.deepEqual(seen.subarray(0, 14), sent.subarray(0, 14))
})

test('lengths and checksums are those of the shorter packet', () => {
  const seen = rewriteSentFrame(frame({ port: 67, payload: dhcp(IPXE_OPTIONS) }), 'rom').frame
  assert.deepEqual(seen, frame({ port: 67, payload: dhcp(PLAIN_OPTIONS) }))
})

test('the boot server request on port 4011 is rewritten, other ports are not', () => {
  const payload = dhcp(IPXE_OPTIONS)
  assert.deepEqual(
    payloadOf(rewriteSentFrame(frame({ port: 4011, payload }), 'rom').frame),
    dhcp(PLAIN_OPTIONS),
  )
  const other = frame({ port: 68, payload })
  assert.equal(rewriteSentFrame(other, 'rom').frame, other)
})

test('a message without the options, and one that is not DHCP, pass as the same object', () => {
  for (const payload of [dhcp(PLAIN_OPTIONS), new Uint8Array(300), new Uint8Array(3)]) {
    const sent = frame({ port: 67, payload })
    assert.equal(rewriteSentFrame(sent, 'rom').frame, sent)
  }
})

test('the TFTP read request ends the ROM stage; the loader shows itself as iPXE', () => {
  const request = frame({ port: 69, payload: hex('0001 756e64696f6e6c792e6b70786500 6f6374657400') })
  assert.deepEqual(rewriteSentFrame(request, 'rom'), { frame: request, stage: 'loader' })
  const discover = frame({ port: 67, payload: dhcp(IPXE_OPTIONS) })
  assert.deepEqual(rewriteSentFrame(discover, 'loader'), { frame: discover, stage: 'loader' })
})

test('a TFTP acknowledgement to port 69 does not end the ROM stage', () => {
  assert.equal(rewriteSentFrame(frame({ port: 69, payload: hex('00040001') }), 'rom').stage, 'rom')
})

test('cut and random frames pass without an exception', () => {
  const whole = frame({ port: 67, payload: dhcp(IPXE_OPTIONS) })
  for (let length = 0; length < whole.length; length += 1) rewriteSentFrame(whole.subarray(0, length), 'rom')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (options) => {
      const payload = new Uint8Array([...dhcp('').subarray(0, 240), ...options])
      const seen = payloadOf(rewriteSentFrame(frame({ port: 67, payload }), 'rom').frame)
      assert.ok(seen.length <= Math.max(payload.length + 1, 300))
    }),
    { seed: 77, numRuns: 300 },
  )
})

function dhcp(options: string): Uint8Array {
  const bytes = hex(options)
  const out = new Uint8Array(Math.max(240 + bytes.length, 300))
  out.set(hex('01010600'))
  out.set(hex('63825363'), 236)
  out.set(bytes, 240)
  return out
}

function frame(of: { readonly port: number; readonly payload: Uint8Array }): Uint8Array {
  const packet = buildIpv4Udp({
    source: ip('0.0.0.0'),
    destination: ip('255.255.255.255'),
    sourcePort: 68,
    destinationPort: of.port,
    payload: of.payload,
  })
  const out = new Uint8Array(Math.max(60, 14 + packet.length))
  out.set(hex('ffffffffffff 525400770001 0800'))
  out.set(packet, 14)
  return out
}

function payloadOf(bytes: Uint8Array): Uint8Array {
  const parsed = parseEthernetUdp(bytes)
  assert.ok(parsed.ok)
  assert.equal(toHex(bytes.subarray(0, 6)), 'ffffffffffff')
  return parsed.value.payload
}
