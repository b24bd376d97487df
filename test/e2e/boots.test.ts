import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { BootEvent } from '../../src/model/event.ts'
import { bootFileName, ipxeFeatures, messageType, userClasses } from '../../src/protocol/dhcp4/options.ts'
import { configWithPayload, dhcpOf, type LabRun, runLab, stagesOf, tftpFileOf } from '../helpers/lab-run.ts'

/**
 * Three virtual machines with real firmware boot at the same time through the real server: BIOS by the card's iPXE
 * ROM, BIOS as a vendor's plain PXE ROM through undionly.kpxe, UEFI x64 through EDK2's own PXE.
 */
const PATHS = {
  rom: [
    ...['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack'],
    ...['http.script identify', 'http.script boot'],
  ],
  plain: [
    ...['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack'],
    ...['tftp.start undionly.kpxe', 'tftp.done undionly.kpxe'],
    ...['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack'],
    ...['http.script identify', 'http.script boot'],
  ],
  uefi: [
    ...['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack'],
    ...['tftp.probe snponly.efi', 'tftp.start snponly.efi', 'tftp.done snponly.efi'],
    ...['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack'],
    ...['http.script identify', 'http.script boot'],
  ],
} as const

const LINUX = [
  ...['http.start vmlinuz', 'http.done vmlinuz', 'http.start initrd.img', 'http.done initrd.img'],
  ...['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack', 'report initrd', 'report in-service'],
] as const

const MACHINES = [
  {
    name: 'rom',
    mac: '52:54:00:77:0a:01',
    address: '10.77.0.21',
    profile: 'control-plane',
    argument: 'test.node=rom',
  },
  {
    name: 'uefi',
    mac: '52:54:00:77:0a:02',
    address: '10.77.0.22',
    profile: 'all-in-one',
    argument: 'test.node=uefi',
  },
  {
    name: 'plain',
    mac: '52:54:00:77:0a:03',
    address: undefined,
    profile: 'worker',
    argument: 'test.node="one two"',
  },
] as const

describe('three machines boot from the network', {
  skip: process.getuid?.() === 0 ? false : 'needs root',
}, () => {
  let run: LabRun

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'centra-e2e-'))
    const config = await configWithPayload(join(import.meta.dirname, 'nodes.yaml'), folder)
    run = await runLab(['--config', config, '--accel', 'tcg', '--plain-pxe', 'plain', '--timeout', '400'])
  })

  test('the lab says that all are in service', () => {
    assert.equal(run.code, 0, run.output)
  })

  for (const { name, mac, address, profile, argument } of MACHINES) {
    test(`${name}: every step is on the timeline, in order`, () => {
      assert.deepEqual(stagesOf(run, name), [...PATHS[name], ...LINUX])
    })

    test(`${name}: the machine itself reports its profile, address and command line, with its nonce`, () => {
      const report = lastReport(run, name)
      assert.equal(report.detail['standing'], 'verified')
      assert.equal(report.detail['profile'], profile)
      assert.equal(report.detail['mac'], mac)
      assert.equal(report.detail['address'], report.address)
      if (address === undefined) assert.match(String(report.address), /^10\.77\.0\.1[0-9][0-9]$/)
      else assert.equal(report.address, address)
      const cmdline = String(report.detail['cmdline'])
      for (const wanted of [
        `centra.profile=${profile}`,
        argument,
        'console=ttyS0,115200',
        `BOOTIF=01-${mac.replaceAll(':', '-')}`,
      ])
        assert.ok(` ${cmdline} `.includes(` ${wanted} `), `${wanted} is not in ${cmdline}`)
      assert.match(cmdline, /centra\.nonce=[0-9a-f]{8}\.\.\./)
    })

    test(`${name}: its serial console says the same`, () => {
      assert.match(
        run.serial(name),
        new RegExp(`centra: in service as ${profile} at ${String(lastReport(run, name).address)}`),
      )
    })

    test(`${name}: firmware, iPXE and Linux kept one address`, () => {
      const acks = dhcpOf(run, mac).filter((message) => messageType(message) === 'ACK')
      assert.ok(acks.length >= 2)
      assert.equal(new Set(acks.map(({ yiaddr }) => yiaddr)).size, 1)
    })
  }

  test('on the wire: the plain ROM shows no sign of iPXE, gets a loader, and comes back as iPXE', () => {
    const messages = dhcpOf(run, '52:54:00:77:0a:03')
    const [rom, offer] = messages
    assert.ok(rom !== undefined && offer !== undefined)
    assert.equal(messageType(rom), 'DISCOVER')
    assert.deepEqual([userClasses(rom), ipxeFeatures(rom)], [[], undefined])
    assert.equal(bootFileName(offer), 'undionly.kpxe')
    const offers = messages.filter((message) => messageType(message) === 'OFFER').map(bootFileName)
    assert.deepEqual(offers, ['undionly.kpxe', 'http://10.77.0.1:8080/boot.ipxe', undefined])
    const requests = messages.filter((message) => messageType(message) === 'DISCOVER').map(userClasses)
    assert.deepEqual(requests[1], ['iPXE'])
  })

  test('on the wire: EDK2 gets its loader in header and options', () => {
    const offer = dhcpOf(run, '52:54:00:77:0a:02').find((message) => messageType(message) === 'OFFER')
    assert.ok(offer !== undefined)
    assert.equal(bootFileName(offer), 'snponly.efi')
    assert.equal(Buffer.from(offer.file).toString('latin1').replace(/\0+$/, ''), 'snponly.efi')
    assert.equal(offer.siaddr, 0x0a4d0001)
  })

  test('on the wire: the loaders arrive byte for byte', () => {
    const plain = String(lastReport(run, 'plain').address)
    for (const [address, name] of [
      ['10.77.0.22', 'snponly.efi'],
      [plain, 'undionly.kpxe'],
    ] as const) {
      const [got, sent] = [tftpFileOf(run, address), readFileSync(join('/usr/lib/ipxe', name))]
      // No deepEqual: the difference of two long Buffers takes minutes to print.
      assert.ok(got.equals(sent), `${name}: ${got.length} octets on the wire, ${sent.length} on disk`)
    }
  })
})

function lastReport(run: LabRun, node: string): BootEvent {
  const report = run.events.findLast((event) => event.node === node && event.kind === 'report')
  assert.ok(report !== undefined, `${node} sent no report\n${run.output}`)
  return report
}
