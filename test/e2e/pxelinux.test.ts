import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { GRUB_PACKAGES } from '../../src/lab/install-grub.ts'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { configWithPayload, type LabRun, runLab, stagesOf } from '../helpers/lab-run.ts'

/**
 * Loaders that look for their configuration by themselves, by names of their machine: Debian's PXELINUX from a plain PXE ROM,
 * with kernel and initrd over TFTP, and a GRUB by UEFI with nothing but its prefix.
 */
const [first, ...others] = GRUB_PACKAGES
const grub = await unpackPeer(first, ...others)
const syslinux = await unpackPeer('pxelinux', 'syslinux-common')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : ('why' in grub && `GRUB cannot be had: ${grub.why}`) ||
      ('why' in syslinux && `PXELINUX cannot be had: ${syslinux.why}`)

const GRUB_MODULES = ['normal', 'net', 'efinet', 'tftp', 'http', 'linux', 'configfile', 'echo', 'test']
const UEFI = '52:54:00:77:0a:02'
const PLAIN = '52:54:00:77:0a:03'

describe("a loader finds its machine's own configuration", { skip }, () => {
  let run: LabRun

  before(async () => {
    assert.ok('tree' in syslinux)
    const folder = mkdtempSync(join(tmpdir(), 'centra-pxelinux-'))
    const config = await configWithPayload(join(import.meta.dirname, 'nodes.yaml'), folder)
    const firmware = join(folder, 'firmware')
    mkdirSync(firmware)
    copyFileSync(join(syslinux.tree, 'usr/lib/PXELINUX/pxelinux.0'), join(firmware, 'pxelinux.0'))
    const module = 'usr/lib/syslinux/modules/bios/ldlinux.c32'
    copyFileSync(join(syslinux.tree, module), join(firmware, 'ldlinux.c32'))
    makeGrub(join(firmware, 'grub-net.efi'))
    const named = readFileSync(config, 'utf8')
      .replace(`mac: "${UEFI}",`, `mac: "${UEFI}", loader: grub-net.efi,`)
      .replace(`mac: "${PLAIN}",`, `mac: "${PLAIN}", loader: pxelinux.0,`)
    writeFileSync(config, `${named}\nserver: { firmware: ./firmware }\n`)
    const machines = ['--node', 'uefi', 'plain', '--plain-pxe', 'plain']
    run = await runLab(['--config', config, '--accel', 'tcg', ...machines, '--timeout', '300'])
  })

  test('T37: PXELINUX by pxelinux.cfg/01-MAC, and Linux over TFTP alone is in service', () => {
    assert.equal(run.code, 0, run.output)
    const own = `pxelinux.cfg/01-${PLAIN.replaceAll(':', '-')}`
    const stages = stagesOf(run, 'plain')
    const from = stages.indexOf('tftp.done pxelinux.0')
    assert.ok(from > 0, stages.join(', '))
    const walk = stages.slice(from + 1).filter((stage) => !stage.startsWith('dhcp.'))
    for (const stage of [
      ...['tftp.done ldlinux.c32', 'tftp.script boot', `tftp.done ${own}`],
      ...['tftp.done vmlinuz', 'tftp.done initrd.img', 'report initrd', 'report in-service'],
    ])
      assert.ok(walk.includes(stage), `${stage} in ${walk.join(', ')}`)
    assert.ok(!walk.some((stage) => stage.startsWith('http.')), walk.join(', '))
  })

  test('H20: GRUB by grub.cfg below its prefix, and Linux is in service', () => {
    assert.equal(run.code, 0, run.output)
    const stages = stagesOf(run, 'uefi')
    for (const stage of [
      'tftp.done grub-net.efi',
      'tftp.script boot',
      'http.done vmlinuz',
      'report in-service',
    ])
      assert.ok(stages.includes(stage), `${stage} in ${stages.join(', ')}`)
  })
})

/** Without an embedded configuration: it is the prefix that says where one is. */
function makeGrub(output: string): void {
  assert.ok('tree' in grub)
  const folder = join(grub.tree, 'usr/lib/grub/x86_64-efi')
  const program = join(grub.tree, 'usr/bin/grub-mkimage')
  const args = ['-d', folder, '-O', 'x86_64-efi', '-p', '/grub', '-o', output, ...GRUB_MODULES]
  execFileSync('env', [peerEnvironment(grub.tree), program, ...args])
}
