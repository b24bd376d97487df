import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ip, NODE01, told } from '../../test/helpers/world.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { classifyIdentify, classifyScript } from './classify-http.ts'

const INGRESS = { network: 'provisioning', server: ip('10.77.0.1') }
const MAC = '52-54-00-77-00-01'
const WRONG = 'expected a MAC address and .ipxe, such as /boot/52-54-00-12-34-56.ipxe'

function classify(name: string, query = ''): string {
  const found = classifyScript(name, new URLSearchParams(query), INGRESS)
  if (!found.ok) return found.error
  const { boot, form } = found.value
  const { mac, arch, uuid, serial, manufacturer, product, address, loaderVersion } = boot.client
  assert.equal(mac, NODE01)
  const said = { manufacturer, product, address: address && formatIpv4(address), loaderVersion }
  return JSON.stringify({ form, arch, uuid, serial, ...said, ...boot.question, kind: undefined })
}

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}

describe('names of scripts', () => {
  for (const name of [
    `${MAC}.ipxe`,
    '52:54:00:77:00:01.ipxe',
    '525400770001.ipxe',
    '52-54-00-77-00-01.ipxe'.toUpperCase().replace('IPXE', 'ipxe'),
    '01-52-54-00-77-00-01.ipxe',
  ])
    test(`E24: ${name}`, () => assert.equal(classify(name), '{"form":"ipxe"}'))
  test('GRUB', () => assert.equal(classify(`${MAC}.grub`), '{"form":"grub"}'))
  for (const name of [
    '',
    '.ipxe',
    'x.ipxe',
    MAC,
    `${MAC}.txt`,
    `${MAC}.ipxe.ipxe`,
    `${MAC}\n.ipxe`,
    `${MAC}.ipxe\n`,
    '52-54-00-77-00.ipxe',
    '06-52-54-00-77-00-01.ipxe',
    '01-525400770001.ipxe',
    '52-54:00-77-00-01.ipxe',
  ])
    test(`not ${JSON.stringify(name)}`, () => assert.equal(classify(name), WRONG))
})

describe('queries', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['arch=x86_64&platform=efi', '{"form":"ipxe","arch":"uefi-x64"}'],
    ['arch=i386&platform=pcbios', '{"form":"ipxe","arch":"bios-x86"}'],
    ['arch=uefi-arm64', '{"form":"ipxe","arch":"uefi-arm64"}'],
    ['arch=vax&platform=efi', '{"form":"ipxe"}'],
    [
      'uuid=12345678-1234-5678-9ABC-DEF012345678',
      '{"form":"ipxe","uuid":"12345678-1234-5678-9abc-def012345678"}',
    ],
    ['uuid=x', '{"form":"ipxe"}'],
    ['serial=', '{"form":"ipxe"}'],
    ['serial=41420a', '{"form":"ipxe","serial":"AB\\\\x0a"}'],
    ['serial=4', '{"form":"ipxe"}'],
    ['serial=%20', '{"form":"ipxe"}'],
    [`serial=${'41'.repeat(5000)}`, '{"form":"ipxe"}'],
    ['choice=all-in-one', '{"form":"ipxe","choice":"all-in-one"}'],
    ['choice=../x', '{"form":"ipxe"}'],
    ['choice=a%0Ab', '{"form":"ipxe"}'],
    ['choice=', '{"form":"ipxe"}'],
    ['failed=kernel&errno=2d0c613b', '{"form":"ipxe","failed":{"step":"kernel","errno":"2d0c613b"}}'],
    ['failed=kernel&errno=0x1', '{"form":"ipxe","failed":{"step":"kernel","errno":"00000001"}}'],
    ['failed=%0A&errno=x', '{"form":"ipxe","failed":{"step":"unknown"}}'],
    ['errno=1', '{"form":"ipxe"}'],
    [
      `failed=kernel&url=${hex('http://10.0.0.1:8080/images/a/vmlinuz')}`,
      '{"form":"ipxe","failed":{"step":"kernel","url":"http://10.0.0.1:8080/images/a/vmlinuz"}}',
    ],
    [`failed=kernel&url=${hex('javascript:alert(1)')}`, '{"form":"ipxe","failed":{"step":"kernel"}}'],
    [`failed=kernel&url=${hex('http://x/ reboot')}`, '{"form":"ipxe","failed":{"step":"kernel"}}'],
    [`failed=kernel&url=${hex('http://x/\n')}`, '{"form":"ipxe","failed":{"step":"kernel"}}'],
    [`failed=kernel&url=${hex(`http://${'x'.repeat(600)}`)}`, '{"form":"ipxe","failed":{"step":"kernel"}}'],
    ['failed=menu&again=yes', '{"form":"ipxe","failed":{"step":"menu"},"again":true}'],
    ['choice=worker&confirmed=yes', '{"form":"ipxe","choice":"worker","confirmed":true}'],
    ['choice=worker&confirmed=1', '{"form":"ipxe","choice":"worker"}'],
    [
      `choice=info&manufacturer=${hex('QEMU')}&product=${hex('${serial} || reboot')}&ip=10.0.0.9&version=1.0.0+git`,
      '{"form":"ipxe","manufacturer":"QEMU","product":"${serial} || reboot","address":"10.0.0.9","loaderVersion":"1.0.0+git","choice":"info"}',
    ],
    ['choice=info&ip=10.0.0.999&version=', '{"form":"ipxe","choice":"info"}'],
  ]
  for (const [query, expected] of rows)
    test(query.slice(0, 60), () => assert.equal(classify(`${MAC}.ipxe`, query), expected))

  test('E17: whatever the query, a value comes back', () => {
    const key = fc.constantFrom(
      ...[
        'uuid',
        'arch',
        'platform',
        'serial',
        'manufacturer',
        'product',
        'ip',
        'version',
        'choice',
        'confirmed',
      ],
      ...['failed', 'errno', 'url', 'again', 'x'],
    )
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.string({ unit: 'binary' })), { maxLength: 8 }),
        fc.string(),
        (pairs, name) => {
          const query = new URLSearchParams(pairs)
          assert.ok(classifyScript(`${MAC}.ipxe`, query, INGRESS).ok)
          classifyScript(name, query, INGRESS)
        },
      ),
      { seed: 20261123 },
    )
  })
})

test('the evidence of the two questions', () => {
  const found = classifyScript(`${MAC}.ipxe`, new URLSearchParams('arch=x86_64&platform=efi'), INGRESS)
  assert.ok(found.ok)
  assert.deepEqual(told(found.value.boot.evidence), [
    'client.arch packet: uefi-x64 (query)',
    'client.stage packet: ipxe (asks for its script)',
  ])
  assert.deepEqual(told(classifyIdentify(INGRESS).evidence), [
    'client.stage packet: ipxe (asks for a script)',
  ])
})
