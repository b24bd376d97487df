import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { assertGolden } from '../../test/helpers/golden.ts'
import { MemoryDisk } from '../../test/helpers/memory.ts'
import { ip, NODE01, NOW, STRANGER } from '../../test/helpers/world.ts'
import { LeaseTable } from '../address/lease-table.ts'
import type { SupposedMessage } from '../boot/suppose.ts'
import { parseMac } from '../lib/mac.ts'
import { readPcap } from '../protocol/pcap.ts'
import { renderTrace } from '../render/trace.ts'
import { explain, type Supposed } from './explain.ts'
import { explainCapture } from './explain-capture.ts'
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

const HERE = ip('10.77.0.150')
const stranger = (message: SupposedMessage): Partial<Supposed> => ({ mac: STRANGER, stage: 'os', message })

/** Every state of RFC 2131 §4.3, silence included. */
const ASKS: Readonly<Record<string, Partial<Supposed>>> = {
  'ask-selecting': stranger({ type: 'REQUEST', requested: HERE, server: ip('10.77.0.1') }),
  'ask-another-server': stranger({ type: 'REQUEST', requested: HERE, server: ip('10.77.0.9') }),
  'ask-init-reboot-elsewhere': stranger({ type: 'REQUEST', requested: ip('10.9.9.9') }),
  'ask-renewing': stranger({ type: 'REQUEST', ciaddr: HERE }),
  'ask-decline': stranger({ type: 'DECLINE', requested: HERE, server: ip('10.77.0.1') }),
  'ask-release': stranger({ type: 'RELEASE', ciaddr: HERE, server: ip('10.77.0.1') }),
  'ask-inform': stranger({ type: 'INFORM', ciaddr: HERE }),
  'ask-bootp': stranger({ type: 'BOOTP' }),
  'ask-relayed-from-nowhere': stranger({ type: 'DISCOVER', giaddr: ip('192.0.2.1') }),
  'ask-boot-server': { ...stranger({ type: 'REQUEST', ciaddr: HERE }), stage: 'rom', port: 4011 },
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
    ...ASKS,
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

test('on a network behind relays only what a relay sent, or a machine behind one, has an answer', async () => {
  const behind = LAB.replace(/^ {4}interface: .*\n/m, '').replace(
    /^ {4}address: .*/m,
    '    address: 192.0.2.1',
  )
  assert.notEqual(behind, LAB)
  const asked = (message: SupposedMessage): Promise<string> =>
    page({ ...stranger(message), server: ip('192.0.2.1') }, behind)
  assert.match(
    await asked({ type: 'DISCOVER' }),
    /^action {4}no answer: sent to 192\.0\.2\.1 by no relay, from no network behind one/m,
  )
  assert.match(await asked({ type: 'DISCOVER', giaddr: ip('10.77.0.1') }), /^reply {5}OFFER 10\.77\.0\.1/m)
  assert.match(await asked({ type: 'REQUEST', ciaddr: HERE }), /^reply {5}ACK 10\.77\.0\.150/m)
})

test('explain of a capture: each message with what those before it left behind', async () => {
  const taken = await picture(LAB)
  const [network] = taken.config.networks
  assert.ok(network)
  const capture = readPcap(
    readFileSync(join(import.meta.dirname, '../../test/fixtures/pcap/client-udhcpc.pcap')),
  )
  assert.ok(capture.ok)
  const places = [{ network, address: ip('10.77.0.1') }]
  const explained = explainCapture(capture.value.packets, {
    picture: taken,
    leases: new LeaseTable(),
    places,
  })
  const told = [...explained].map(
    (one) => `${one.packet} ${one.request.split(',')[0]}: ${one.reply ?? one.answer}`,
  )
  assert.deepEqual(told, [
    '1 DISCOVER: OFFER 10.77.0.100, unicast to 10.77.0.100 at 52:54:00:99:00:02, without ARP',
    '3 REQUEST 10.77.0.101 of server 10.77.0.1 (SELECTING): ACK 10.77.0.101, unicast to 10.77.0.101 at 52:54:00:99:00:02, without ARP',
    '5 REQUEST 10.77.0.101 (RENEWING or REBINDING): ACK 10.77.0.101, unicast to 10.77.0.101',
    '7 RELEASE 10.77.0.101: no answer: released',
  ])
})
