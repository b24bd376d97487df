import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTap } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { BOOT_PATIENCE_MS, type BootRoom, makeBootRoom, stepsOf } from '../helpers/boot-room.ts'
import { type Peer, unpackPeer } from '../helpers/debian-peer.ts'
import { makeNetGrub } from '../helpers/grub-image.ts'
import { inNetns } from '../helpers/netns.ts'
import { endAll, Running } from '../helpers/server.ts'

/**
 * 32-bit UEFI (arch 6), as on early Atom boards with 64-bit processors: the table has no loader that Debian packages, and says
 * so; an operator's GRUB boots the 64-bit kernel (its EFI handover in mixed mode).
 */
const firmware = await unpackPeer('ovmf-ia32')
const grub = await unpackPeer('grub-common', 'grub-efi-ia32-bin')
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : ('why' in firmware && firmware.why) || ('why' in grub && grub.why)
if (skip === false) await buildPayload()

const BARE = '52:54:00:77:0a:0d'
const NODE = '52:54:00:77:0a:02'

inNetns(import.meta, (net) => {
  describe('32-bit UEFI', { skip }, () => {
    let room: BootRoom
    let server: Running

    before(async () => {
      room = await makeBootRoom((text) =>
        text.replace('test.node=uefi', 'test.node=uefi, loader: grub-ia32.efi'),
      )
      makeNetGrub(treeOf(grub), { output: join(room.firmware, 'grub-ia32.efi'), target: 'i386-efi' })
      server = await room.serve()
    })
    after(endAll)

    const powerOn = async (name: string, mac: string): Promise<Running> => {
      const [code, variables] = ['CODE_4M.secboot', 'VARS_4M'].map((part) =>
        join(treeOf(firmware), `usr/share/OVMF/OVMF32_${part}.fd`),
      )
      assert.ok(code && variables)
      mkdirSync(`/run/${name}`)
      copyFileSync(variables, `/run/${name}/variables.fd`)
      await makeTap({ name: `tap-${name}`, bridge: 'prov0' })
      return new Running(
        net.spawn('qemu-system-x86_64', [
          ...[
            '-nodefaults',
            '-display',
            'none',
            '-vga',
            'none',
            '-accel',
            'tcg,tb-size=256',
            '-cpu',
            'qemu64',
          ],
          ...[
            '-machine',
            'q35,smm=on',
            '-global',
            'driver=cfi.pflash01,property=secure,value=on',
            '-m',
            '512',
          ],
          ...['-global', 'ICH9-LPC.disable_s3=1', '-serial', `file:/run/${name}/serial.log`],
          ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${code}`],
          ...['-drive', `if=pflash,unit=1,format=raw,file=/run/${name}/variables.fd`],
          ...['-uuid', `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`],
          ...['-netdev', `tap,id=net0,ifname=tap-${name},script=no,downscript=no`],
          ...['-device', `virtio-net-pci,netdev=net0,mac=${mac},romfile=`],
        ]),
      )
    }
    const limit = { timeout: BOOT_PATIENCE_MS + 60_000 }

    test('without a loader for it: an address, and which file is missing', limit, async () => {
      const machine = await powerOn('bare', BARE)
      const facts = { mac: BARE, 'no-boot': /snponly-i386\.efi or ipxe-i386\.efi is missing/ }
      await server.event('dhcp.offer', facts, 0, BOOT_PATIENCE_MS)
      assert.deepEqual(stepsOf(server, BARE), ['dhcp.discover uefi-ia32'])
      await machine.stop('SIGKILL')
    })

    test("an operator's 32-bit GRUB boots a 64-bit Linux, with the node's command line", limit, async () => {
      const machine = await powerOn('grub', NODE)
      const report = await server.event('report', { mac: NODE, stage: 'in-service' }, 0, BOOT_PATIENCE_MS)
      assert.match(String(report.detail['cmdline']), / test\.node=uefi /)
      assert.equal(stepsOf(server, NODE)[0], 'dhcp.discover uefi-ia32')
      await machine.stop('SIGKILL')
    })
  })
})

function treeOf(peer: Peer): string {
  assert.ok('tree' in peer)
  return peer.tree
}
