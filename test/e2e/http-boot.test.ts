import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { unpackNewer } from '../../src/lab/newer-packages.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { BOOT_PATIENCE_MS, type BootRoom, makeBootRoom, stepsOf, switchOff } from '../helpers/boot-room.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { endAll } from '../helpers/server.ts'
import { makeUki, UKI_PACKAGES } from '../helpers/uki.ts'

/** UEFI HTTP boot: the firmware fetches what it starts by its URL, without TFTP. */
const ipxe = await unpackNewer({ suite: 'sid', packages: ['ipxe'] }).then(
  ({ folder }) => ({ tree: folder }),
  (error: Error) => ({ why: error.message }),
)
const uki = await unpackPeer(...UKI_PACKAGES)
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : ('why' in ipxe && ipxe.why) || ('why' in uki && uki.why)
const payload = skip === false ? await buildPayload() : undefined

const NODE = '52:54:00:77:0a:02'
const DIRECT = '52:54:00:77:0a:0e'
const SITE_WITH_UKI = (text: string): string =>
  text
    .replace('images:\n', 'images:\n  uki: { efi: ./images/uki.efi }\n')
    .replace('profiles:\n', 'profiles:\n  appliance: { image: uki, direct: true }\n')
    .replace('nodes:\n', `nodes:\n  - { name: direct, mac: "${DIRECT}", profile: appliance }\n`)

inNetns(import.meta, () => {
  describe('UEFI HTTP boot', { skip }, () => {
    let room: BootRoom

    before(async () => {
      room = await makeBootRoom(SITE_WITH_UKI)
      assert.ok('tree' in uki && payload !== undefined)
      const report = `centra.report=http://10.77.0.1:8080/v1/report/${DIRECT.replaceAll(':', '-')}`
      const cmdline = `quiet nokaslr mitigations=off tsc=reliable audit=0 console=ttyS0,115200 centra.profile=appliance ${report}`
      makeUki(uki.tree, { ...payload, cmdline }, join(dirname(room.config), 'images/uki.efi'))
    })
    afterEach(endAll)
    after(endAll)
    const limit = { timeout: BOOT_PATIENCE_MS + 60_000 }

    test(
      'E22: iPXE 2.0 runs our autoexec.ipxe, asks for no address of its own, and boots Linux',
      limit,
      async () => {
        assert.ok('tree' in ipxe)
        copyFileSync(join(ipxe.tree, 'usr/lib/ipxe/snponly.efi'), join(room.firmware, 'snponly.efi'))
        const server = await room.serve()
        const machine = await room.powerOn({ name: 'ipxe', mac: NODE, uefiBoots: 'http' })
        await switchOff(machine, async () => {
          const report = await server.event('report', { mac: NODE, stage: 'in-service' }, 0, BOOT_PATIENCE_MS)
          assert.equal(report.detail['standing'], 'verified')
          assert.match(String(report.detail['cmdline']), / test\.node=uefi /)
          assert.match(machine.serial(), /autoexec\.ipxe\.\.\. ok/)
        })
        assert.deepEqual(stepsOf(server, NODE), [
          ...['dhcp.discover uefi-x64-http', 'http.start snponly.efi', 'http.done snponly.efi'],
          ...['http.script identify', 'http.script boot'],
          ...['vmlinuz', 'initrd.img'].flatMap((file) => [`http.start ${file}`, `http.done ${file}`]),
          ...['dhcp.discover os', 'report initrd', 'report in-service'],
        ])
      },
    )

    test(
      'a UKI, which the firmware loads and starts itself: one file, and Linux is in service',
      limit,
      async () => {
        const server = await room.serve()
        const machine = await room.powerOn({ name: 'uki', mac: DIRECT, uefiBoots: 'http' })
        await switchOff(machine, async () => {
          const facts = { mac: DIRECT, stage: 'in-service', profile: 'appliance' }
          await server.event('report', facts, 0, BOOT_PATIENCE_MS)
        })
        assert.deepEqual(stepsOf(server, DIRECT), [
          ...[
            'dhcp.discover uefi-x64-http',
            'http.script program',
            'http.start uki.efi',
            'http.done uki.efi',
          ],
          ...['dhcp.discover os', 'report initrd', 'report in-service'],
        ])
      },
    )
  })
})
