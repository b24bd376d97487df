import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { GRUB_PACKAGES } from '../../src/lab/install-grub.ts'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { messageType, optionBytes } from '../../src/protocol/dhcp4/options.ts'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { configWithPayload, dhcpOf, type LabRun, runLab, stagesOf } from '../helpers/lab-run.ts'

/**
 * GRUB in the place of iPXE, which a `loader:` names: by UEFI and by a plain PXE ROM it asks for an address by itself
 * (net_bootp), reads its script over HTTP, and boots Linux.
 */
const [first, ...others] = GRUB_PACKAGES
const grub = await unpackPeer(first, ...others)
const skip = process.getuid?.() !== 0 ? 'needs root' : 'why' in grub && `GRUB cannot be had: ${grub.why}`

/** What an operator puts into an image of GRUB. */
const EARLY = `serial --unit=0 --speed=115200
terminal_output serial
net_bootp
configfile (http,$net_default_server:8080)/boot/$net_default_mac.grub
`
const MODULES = ['normal', 'net', 'tftp', 'http', 'linux', 'configfile', 'serial', 'terminal', 'echo', 'test']
const MACHINES = [
  { name: 'uefi', mac: '52:54:00:77:0a:02', loader: 'grub-net.efi', target: 'x86_64-efi', card: 'efinet' },
  { name: 'plain', mac: '52:54:00:77:0a:03', loader: 'grub-net.0', target: 'i386-pc-pxe', card: 'pxe' },
] as const

describe('GRUB boots from the network', { skip }, () => {
  let run: LabRun

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'centra-grub-'))
    const config = await configWithPayload(join(import.meta.dirname, 'nodes.yaml'), folder)
    const firmware = join(folder, 'firmware')
    mkdirSync(firmware)
    for (const { loader, target, card } of MACHINES) makeGrub(join(firmware, loader), target, card)
    const named = MACHINES.reduce(
      (text, { mac, loader }) => text.replace(`mac: "${mac}",`, `mac: "${mac}", loader: ${loader},`),
      readFileSync(config, 'utf8'),
    )
    writeFileSync(config, `${named}\nserver: { firmware: ./firmware }\n`)
    const machines = ['--node', 'uefi', 'plain', '--plain-pxe', 'plain']
    run = await runLab(['--config', config, '--accel', 'tcg', ...machines, '--timeout', '300'])
  })

  for (const { name, mac, loader } of MACHINES)
    test(`${name}: ${loader} gets its script over HTTP, and Linux is in service`, () => {
      assert.equal(run.code, 0, run.output)
      const asks = ['dhcp.discover', 'dhcp.offer', 'dhcp.request', 'dhcp.ack']
      const probes = name === 'uefi' ? [`tftp.probe ${loader}`] : []
      assert.deepEqual(stagesOf(run, name), [
        ...[...asks, ...probes, `tftp.start ${loader}`, `tftp.done ${loader}`],
        ...[...asks, 'http.script boot'],
        ...['http.start vmlinuz', 'http.done vmlinuz', 'http.start initrd.img', 'http.done initrd.img'],
        ...[...asks, 'report initrd', 'report in-service'],
      ])
      const own = dhcpOf(run, mac).filter((message) => optionBytes(message, 60) === undefined)
      const acks = own.filter((message) => message.op === 'reply' && messageType(message) === 'ACK')
      assert.ok(
        acks.some(({ siaddr }) => formatIpv4(siaddr) === '10.77.0.1'),
        'GRUB is told its server (siaddr)',
      )
    })
})

function makeGrub(output: string, target: string, card: string): void {
  assert.ok('tree' in grub)
  const early = `${output}.cfg`
  writeFileSync(early, EARLY)
  const folder = join(grub.tree, 'usr/lib/grub', target.replace(/-pxe$/, ''))
  const program = join(grub.tree, 'usr/bin/grub-mkimage')
  const args = ['-d', folder, '-O', target, '-p', '/grub', '-c', early, '-o', output, card, ...MODULES]
  execFileSync('env', [peerEnvironment(grub.tree), program, ...args])
}
