import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { assertGolden } from '../../test/helpers/golden.ts'
import { MemoryDisk } from '../../test/helpers/memory.ts'
import { ip, NODE01, NOW, STRANGER } from '../../test/helpers/world.ts'
import { parseMac } from '../lib/mac.ts'
import { renderTrace } from '../render/trace.ts'
import { explain, type Supposed } from './explain.ts'
import { loadConfig } from './load-config.ts'
import { type Picture, takePicture } from './world.ts'

const LAB = readFileSync(join(import.meta.dirname, '../../test/fixtures/config/lab.yaml'), 'utf8')

async function picture(text: string): Promise<Picture> {
  const disk = new MemoryDisk({
    '/etc/lab.yaml': text,
    '/etc/images/vmlinuz': 'k',
    '/etc/images/initrd.img': 'i',
    '/usr/lib/ipxe/undionly.kpxe': 'loader',
    '/usr/lib/ipxe/snponly.efi': 'loader',
  })
  const { config, problems } = await loadConfig('/etc/lab.yaml', disk)
  assert.ok(config, JSON.stringify(problems))
  return takePicture(config, disk)
}

async function page(supposed: Partial<Supposed>, text = LAB): Promise<string> {
  const taken = await picture(text)
  const [network] = taken.config.networks
  assert.ok(network)
  const asked: Supposed = {
    mac: NODE01,
    arch: 'uefi-x64',
    via: 'dhcp',
    stage: 'rom',
    form: 'ipxe',
    network,
    server: ip('10.77.0.1'),
    ...supposed,
  }
  const explanation = explain(asked, taken, NOW)
  return `${renderTrace(explanation)}\n${explanation.script === undefined ? '' : `\n${explanation.script}`}`
}

describe('explain on the lab.yaml of the contract', () => {
  const pages: Readonly<Record<string, Partial<Supposed>>> = {
    'node01-uefi-x64': {},
    'node01-uefi-x64-ipxe': { stage: 'ipxe' },
    'node01-uefi-x64-http': { via: 'http' },
    'node01-uefi-x64-grub': { via: 'http', form: 'grub' },
    'stranger-bios-x86': { mac: STRANGER, arch: 'bios-x86' },
    'stranger-bios-x86-http': { mac: STRANGER, arch: 'bios-x86', via: 'http' },
    'stranger-chose-all-in-one': { mac: STRANGER, via: 'http', choice: 'all-in-one' },
    'node01-uefi-arm64': { arch: 'uefi-arm64' },
  }
  for (const [name, supposed] of Object.entries(pages))
    test(name, async () => assertGolden(`explain/${name}.txt`, await page(supposed)))

  test('a group address gets no answer, as on the wire', async () => {
    const group = parseMac('01:00:5e:00:00:01')
    assert.ok(group !== undefined)
    assert.match(await page({ mac: group }), /^action {4}no answer: /m)
  })

  test('a silent network says so', async () => {
    const text = LAB.replace('dhcp: server ', 'dhcp: observe')
    assert.notEqual(text, LAB)
    assert.match(await page({}, text), /^but {7}dhcp: observe, nothing is sent; set dhcp: server$/m)
  })
})
