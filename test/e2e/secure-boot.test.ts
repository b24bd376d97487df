import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { unpackNewer } from '../../src/lab/newer-packages.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { BOOT_PATIENCE_MS, type BootRoom, makeBootRoom, stepsOf, switchOff } from '../helpers/boot-room.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { endAll } from '../helpers/server.ts'

/**
 * Secure Boot with Microsoft's keys in OVMF: shim, a GRUB and a kernel that Debian signed. Debian 12's GRUB has no HTTP and
 * can load no module, Debian 13's has it built in.
 */
const SIGNED = ['shim-signed', 'grub-efi-amd64-signed'] as const
const bookworm = await unpackPeer(...SIGNED)
const trixie = await unpackNewer({ suite: 'trixie', packages: SIGNED }).then(
  ({ folder }) => ({ tree: folder }),
  (error: Error) => ({ why: error.message }),
)
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : ('why' in bookworm && bookworm.why) || ('why' in trixie && trixie.why)
if (skip === false) await buildPayload()

const NODE = '52:54:00:77:0a:02'
const STRANGER = '52:54:00:77:0a:0b'
const REFUSED = '52:54:00:77:0a:0c'
/** `quiet` would hide that the kernel knows of Secure Boot (security/lockdown says it as a notice, level 5). */
const NODES = (text: string): string =>
  `${text
    .replace('cmdline: test.node=uefi', 'cmdline: "loglevel=6 test.node=uefi", loader: shimx64.efi')
    .replace('nodes:\n', `nodes:\n  - { name: refused, mac: "${REFUSED}", loader: snponly.efi }\n`)
    .replace(
      'dhcp: server',
      'dhcp: server\n    loader: { uefi-x64: shimx64.efi }',
    )}menu: { default: worker, timeout: 1s }\n`

inNetns(import.meta, () => {
  describe('Secure Boot', { skip }, () => {
    let room: BootRoom

    before(async () => {
      room = await makeBootRoom(NODES)
      copyFileSync('/usr/lib/ipxe/snponly.efi', join(room.firmware, 'snponly.efi'))
    })
    afterEach(endAll)
    after(endAll)

    const put = (tree: { readonly tree: string } | { readonly why: string }): void => {
      assert.ok('tree' in tree)
      const signed = 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'
      copyFileSync(join(tree.tree, 'usr/lib/shim/shimx64.efi.signed'), join(room.firmware, 'shimx64.efi'))
      copyFileSync(join(tree.tree, signed), join(room.firmware, 'grubx64.efi'))
    }
    const limit = { timeout: BOOT_PATIENCE_MS + 60_000 }
    const LINUX = ['dhcp.discover os', 'report initrd', 'report in-service'] as const

    test(
      "PXE, shim, Debian 12's GRUB, a signed kernel, all over TFTP, with the node's command line",
      limit,
      async () => {
        put(bookworm)
        const server = await room.serve()
        const machine = await room.powerOn({ name: 'signed', mac: NODE, secureBoot: true })
        await switchOff(machine, async () => {
          const facts = { mac: NODE, stage: 'in-service' }
          const report = await server.event('report', facts, 0, BOOT_PATIENCE_MS)
          assert.equal(report.detail['standing'], 'verified')
          assert.equal(report.detail['profile'], 'all-in-one')
          assert.match(String(report.detail['cmdline']), / test\.node=uefi BOOTIF=01-52-54-00-77-0a-02 /)
          assert.match(machine.serial(), /Kernel is locked down from EFI Secure Boot/)
        })
        assert.deepEqual(
          stepsOf(server, NODE).filter(
            (step) => !/^tftp\.(refused|(start|done) \/grub\/grub\.cfg)/.test(step),
          ),
          [
            ...['dhcp.discover uefi-x64', 'tftp.probe shimx64.efi'],
            ...['shimx64.efi', 'grubx64.efi'].flatMap(loaded),
            'tftp.script boot',
            ...['vmlinuz', 'initrd.img'].flatMap(loaded),
            ...LINUX,
          ],
        )
      },
    )

    test(
      "HTTP boot, shim, Debian 13's GRUB: the menu of a machine that nobody described, all over HTTP",
      limit,
      async () => {
        put(trixie)
        const server = await room.serve()
        const machine = await room.powerOn({
          name: 'stranger',
          mac: STRANGER,
          secureBoot: true,
          uefiBoots: 'http',
        })
        await switchOff(machine, async () => {
          const facts = { mac: STRANGER, stage: 'in-service', profile: 'worker' }
          const report = await server.event('report', facts, 0, BOOT_PATIENCE_MS)
          assert.match(String(report.detail['cmdline']), / test\.profile=yes /)
        })
        assert.deepEqual(stepsOf(server, STRANGER), [
          'dhcp.discover uefi-x64-http',
          ...['shimx64.efi', 'grubx64.efi'].flatMap((file) => [`http.start ${file}`, `http.done ${file}`]),
          ...['http.script menu', 'http.script boot'],
          ...['vmlinuz', 'initrd.img'].flatMap((file) => [`http.start ${file}`, `http.done ${file}`]),
          ...LINUX,
        ])
      },
    )

    test('an unsigned loader is refused, and the timeline says so', limit, async () => {
      const server = await room.serve()
      const machine = await room.powerOn({
        ...{ name: 'refused', mac: REFUSED, secureBoot: true, uefiBoots: 'ipv4' },
      })
      await switchOff(machine, async () => {
        const refused = await server.event('boot.refused', { mac: REFUSED }, 0, BOOT_PATIENCE_MS)
        assert.equal(refused.detail['file'], 'snponly.efi')
        assert.match(
          String(refused.detail['reason']),
          /goes on to its next boot option, uefi-x64-http, \d+ s later$/,
        )
        assert.match(
          String(refused.detail['hint']),
          /Secure Boot, which starts no snponly\.efi: .*shimx64\.efi/,
        )
        assert.match(machine.serial(), /Access Denied/)
      })
      assert.deepEqual(
        stepsOf(server, REFUSED).filter((step) => !step.startsWith('http.')),
        [
          ...['dhcp.discover uefi-x64', 'tftp.probe snponly.efi', ...loaded('snponly.efi')],
          ...['dhcp.discover uefi-x64-http', 'boot.refused snponly.efi'],
        ],
      )
    })
  })
})

function loaded(file: string): readonly string[] {
  return [`tftp.start ${file}`, `tftp.done ${file}`]
}
