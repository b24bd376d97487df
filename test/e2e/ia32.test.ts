import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { BOOT_PATIENCE_MS, type BootRoom, makeBootRoom, stepsOf } from '../helpers/boot-room.ts'
import { type Peer, unpackPeer } from '../helpers/debian-peer.ts'
import { makeNetGrub } from '../helpers/grub-image.ts'
import { inNetns } from '../helpers/netns.ts'
import { IA32_EDK2, ia32Machine } from '../helpers/other-machines.ts'
import { endAll, Running } from '../helpers/server.ts'

/**
 * 32-bit UEFI (arch 6), as on early Atom boards with 64-bit processors: the table has no loader that Debian packages, and says
 * so; an operator's GRUB boots the 64-bit kernel (its EFI handover in mixed mode).
 */
const firmware = await unpackPeer(IA32_EDK2)
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
      const [program, ...args] = await ia32Machine({ name, mac }, treeOf(firmware))
      return new Running(net.spawn(program, args))
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
