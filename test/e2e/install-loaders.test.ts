import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { GRUB_PACKAGES } from '../../src/lab/install-grub.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { openPlainPxeRelay } from '../../src/lab/plain-pxe-relay.ts'
import {
  BOOT_PATIENCE_MS,
  type BootRoom,
  type MachineWish,
  makeBootRoom,
  switchOff,
} from '../helpers/boot-room.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { makeNetGrub } from '../helpers/grub-image.ts'
import { inNetns } from '../helpers/netns.ts'
import {
  centra,
  endAll,
  eventually,
  type LoggedEvent,
  loggedEvents,
  type Running,
} from '../helpers/server.ts'
import { makeUki, UKI_PACKAGES } from '../helpers/uki.ts'

/**
 * `node install` of machines that boot without iPXE: their loaders and firmware get the end of the last file only when the boot is
 * on disk as used up, and boot all the same, once.
 */
const [first, ...others] = GRUB_PACKAGES
const grub = await unpackPeer(first, ...others)
const syslinux = await unpackPeer('pxelinux', 'syslinux-common')
const uki = await unpackPeer(...UKI_PACKAGES)
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : [grub, syslinux, uki].map((one) => 'why' in one && one.why).find((why) => why !== false)
const payload = skip === undefined ? await buildPayload() : undefined
const limit = { timeout: 3 * BOOT_PATIENCE_MS }

const GRUB = '52:54:00:77:1f:01'
const PXELINUX = '52:54:00:77:1f:02'
const UKI = '52:54:00:77:1f:03'
const INSTALLED = ['asked', 'opened', 'loading', 'started', 'redeemed', 'report', 'done']
/** Its command line is its own: no nonce, so what it reports is claimed. */
const OF_A_UKI = ['asked', 'opened', 'loading', 'started', 'redeemed']
const CMDLINE = 'quiet nokaslr mitigations=off tsc=reliable audit=0 console=ttyS0,115200'

function site(text: string): string {
  const nodes = [
    `  - { name: grub, mac: "${GRUB}", profile: worker, install: installer, loader: grub-net.efi }\n`,
    `  - { name: pxelinux, mac: "${PXELINUX}", profile: worker, install: installer, loader: pxelinux.0 }\n`,
    `  - { name: uki, mac: "${UKI}", profile: appliance }\n`,
  ]
  return text
    .replace('images:\n', 'images:\n  uki: { efi: ./images/uki.efi }\n')
    .replace(
      'profiles:\n',
      'profiles:\n  installer: { image: payload, install: kernel }\n  appliance: { image: uki, direct: true, install: kernel }\n',
    )
    .replace('nodes:\n', `nodes:\n${nodes.join('')}`)
}

inNetns(import.meta, () => {
  describe('node install without iPXE', { skip: skip ?? false }, () => {
    let room: BootRoom
    let server: Running

    before(async () => {
      assert.ok('tree' in grub && 'tree' in syslinux && 'tree' in uki && payload !== undefined)
      room = await makeBootRoom(site)
      makeNetGrub(grub.tree, { output: join(room.firmware, 'grub-net.efi'), target: 'x86_64-efi' })
      copyFileSync(join(syslinux.tree, 'usr/lib/PXELINUX/pxelinux.0'), join(room.firmware, 'pxelinux.0'))
      const module = 'usr/lib/syslinux/modules/bios/ldlinux.c32'
      copyFileSync(join(syslinux.tree, module), join(room.firmware, 'ldlinux.c32'))
      const report = `centra.report=http://10.77.0.1:8080/v1/report/${UKI.replaceAll(':', '-')}`
      const cmdline = `${CMDLINE} centra.profile=appliance ${report}`
      makeUki(uki.tree, { ...payload, cmdline }, join(dirname(room.config), 'images/uki.efi'))
      server = await room.serve()
    })
    after(endAll)

    /** The first boot installs; the second gets this step instead of the files. */
    const installs = async (wish: MachineWish, told: readonly string[] = INSTALLED): Promise<void> => {
      const { name, mac } = wish
      const asked = await centra('node', 'install', name, '--config', room.config)
      assert.equal(asked.code, 0, asked.stderr)
      const machine = await room.powerOn(wish)
      await switchOff(machine, () =>
        server.event('report', { mac, stage: 'in-service' }, 0, BOOT_PATIENCE_MS),
      )
      const from = server.stderr.length
      const again = await room.powerOn({ ...wish, name: `${name}-2` })
      const since = (): readonly LoggedEvent[] =>
        loggedEvents(server.stderr.slice(from)).filter((event) => event['mac'] === mac)
      const isLocal = ({ detail }: LoggedEvent): boolean => detail['script'] === 'local-disk'
      const refused = (): true | undefined => since().some(isLocal) || undefined
      await switchOff(again, () => eventually('the local disk', refused, BOOT_PATIENCE_MS))
      const loaded = since().flatMap(({ detail }) =>
        typeof detail['file'] === 'string' ? [detail['file']] : [],
      )
      assert.ok(!loaded.some((file) => /vmlinuz|initrd|uki/.test(file)), loaded.join(', '))
      const history = await centra('node', 'history', name, '--config', room.config, '--json')
      const lines: readonly { readonly what: string }[] = JSON.parse(history.stdout)
      // GRUB reads its configuration twice.
      const what = lines.map((line) => line.what).filter((one) => one !== 'again')
      assert.deepEqual(what, told)
    }

    test('GRUB, over HTTP', limit, () => installs({ name: 'grub', mac: GRUB, firmware: 'uefi' }))

    test('PXELINUX, over TFTP alone', limit, async () => {
      mkdirSync('/run/pxelinux')
      const relay = await openPlainPxeRelay('/run/pxelinux')
      await installs({ name: 'pxelinux', mac: PXELINUX, firmware: 'bios', sentFrames: relay.sentFrames })
      await relay.close()
    })

    test('a UKI that the firmware loads itself', limit, () =>
      installs({ name: 'uki', mac: UKI, uefiBoots: 'http' }, OF_A_UKI),
    )
  })
})
