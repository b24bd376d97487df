import assert from 'node:assert/strict'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { unpackNewer } from '../../src/lab/newer-packages.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { ovmfVariables } from '../../src/lab/qemu-arguments.ts'
import {
  BOOT_PATIENCE_MS,
  type BootingMachine,
  type BootRoom,
  makeBootRoom,
  stepsOf,
  switchOff,
} from '../helpers/boot-room.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll } from '../helpers/server.ts'
import { makeSignedIpxe, SIGNING_PACKAGES, type SignedIpxe } from '../helpers/signed-ipxe.ts'

/**
 * Secure Boot with an iPXE that is signed: firmware starts the shim of iPXE's project, that shim an iPXE whose signer no firmware
 * knows, and this one, by its command `shim`, Debian's shim with Debian's kernel. Keys and shim stand in for the project's;
 * CENTRA_SIGNED_IPXE names a folder with the files of a release (`x86_64-sb`), for a firmware that trusts Microsoft alone.
 */
const release = process.env['CENTRA_SIGNED_IPXE']
const tools = await unpackPeer(...SIGNING_PACKAGES)
const debian = await unpackPeer('shim-signed')
const sid = await unpackNewer({ suite: 'sid', packages: ['ipxe'] }).then(
  ({ folder }) => ({ tree: folder }),
  (error: Error) => ({ why: error.message }),
)
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : ('why' in tools && tools.why) || ('why' in debian && debian.why) || ('why' in sid && sid.why)
if (skip === false) await buildPayload()

const SHIMMED = '52:54:00:77:0a:02'
const ENROLLED = '52:54:00:77:0a:0e'
const INSTALLS = '52:54:00:77:0a:0f'
const AUTOEXEC = ['tftp.start autoexec.ipxe', 'tftp.script identify', 'tftp.done autoexec.ipxe'] as const
const IN_SERVICE = ['dhcp.discover os', 'report initrd', 'report in-service'] as const
const LINUX = [
  'http.script boot',
  ...fetched('http', 'vmlinuz', 'initrd.img', 'shimx64.efi'),
  ...IN_SERVICE,
] as const
/** `quiet` would hide that the kernel knows of Secure Boot (security/lockdown says it as a notice, level 5). */
const NODES = (text: string): string =>
  text
    .replace('cmdline: test.node=uefi', 'cmdline: "loglevel=6 test.node=uefi", loader: snponly-shim.efi')
    .replace('profiles:\n', 'profiles:\n  installer: { image: payload, install: kernel }\n')
    .replace(
      'nodes:\n',
      `nodes:
  - { name: enrolled, mac: "${ENROLLED}", profile: worker, loader: enrolled.efi }
  - { name: installs, mac: "${INSTALLS}", profile: worker, install: installer, loader: enrolled.efi }
`,
    )

inNetns(import.meta, () => {
  describe('Secure Boot with a signed iPXE', { skip }, () => {
    let room: BootRoom
    let signed: SignedIpxe

    before(async () => {
      room = await makeBootRoom(NODES)
      assert.ok('tree' in tools && 'tree' in sid)
      const own = makeSignedIpxe({ tools: tools.tree, ipxe: sid.tree }, '/run/signed')
      signed = release === undefined ? own : { ...own, ...filesOf(release) }
      copyFileSync(signed.shim, join(room.firmware, 'snponly-shim.efi'))
      copyFileSync(signed.ipxe, join(room.firmware, 'snponly.efi'))
      copyFileSync(signed.enrolled, join(room.firmware, 'enrolled.efi'))
    })
    afterEach(endAll)
    after(endAll)

    const powerOn = (
      name: string,
      mac: string,
      wish: { readonly uefiBoots: 'http' | 'ipv4' },
    ): Promise<BootingMachine> =>
      room.powerOn({ name, mac, secureBoot: true, variables: signed.variables, ...wish })
    const putDebiansShim = (): void => {
      assert.ok('tree' in debian)
      copyFileSync(join(debian.tree, 'usr/lib/shim/shimx64.efi.signed'), join(room.firmware, 'shimx64.efi'))
    }
    const limit = { timeout: BOOT_PATIENCE_MS + 60_000 }
    const ofRelease = release !== undefined && 'a release has no such file'

    /** Waits until Linux is in service, and says what came before. */
    const boots = async (
      name: string,
      mac: string,
      uefiBoots: 'http' | 'ipv4',
      command: readonly string[] = [],
    ): Promise<{ readonly steps: readonly string[]; readonly cmdline: string; readonly screen: string }> => {
      putDebiansShim()
      const server = await room.serve()
      if (command.length > 0) {
        const { code, stderr } = await centra('node', ...command, '--config', room.config)
        assert.equal(code, 0, stderr)
      }
      const machine = await powerOn(name, mac, { uefiBoots })
      let cmdline = ''
      await switchOff(machine, async () => {
        const report = await server.event('report', { mac, stage: 'in-service' }, 0, BOOT_PATIENCE_MS)
        assert.equal(report.detail['standing'], 'verified')
        cmdline = String(report.detail['cmdline'])
      })
      return { steps: stepsOf(server, mac), cmdline, screen: machine.serial() }
    }

    test(
      "PXE: iPXE's shim, iPXE, our autoexec.ipxe, then Debian's shim and Debian's kernel",
      limit,
      async () => {
        const { steps, cmdline, screen } = await boots('shimmed', SHIMMED, 'ipv4')
        assert.match(cmdline, / test\.node=uefi BOOTIF=01-52-54-00-77-0a-02 /)
        assert.match(screen, /Kernel is locked down from EFI Secure Boot/)
        assert.deepEqual(
          steps.filter((step) => !step.startsWith('tftp.refused')),
          [
            ...['dhcp.discover uefi-x64', 'tftp.probe snponly-shim.efi'],
            ...fetched('tftp', 'snponly-shim.efi', 'snponly.efi'),
            ...AUTOEXEC,
            ...LINUX,
          ],
        )
      },
    )

    test('HTTP boot: the same, all over HTTP', limit, async () => {
      const { steps, cmdline } = await boots('http', SHIMMED, 'http')
      assert.match(cmdline, / test\.node=uefi /)
      assert.deepEqual(steps, [
        'dhcp.discover uefi-x64-http',
        ...fetched('http', 'snponly-shim.efi', 'snponly.efi'),
        'http.script identify',
        ...LINUX,
      ])
    })

    const enrolled = { ...limit, skip: ofRelease }
    test(
      "firmware that trusts iPXE's signer, and an install, whose kernel comes last",
      enrolled,
      async () => {
        const { steps, cmdline } = await boots('installs', INSTALLS, 'ipv4', ['install', 'installs'])
        assert.match(cmdline, / centra\.profile=installer /)
        assert.deepEqual(
          steps.filter((step) => !step.startsWith('boot.intent')),
          [
            ...['dhcp.discover uefi-x64', 'tftp.probe enrolled.efi'],
            ...fetched('tftp', 'enrolled.efi'),
            ...AUTOEXEC,
            'http.script boot',
            ...fetched('http', 'shimx64.efi', 'initrd.img', 'vmlinuz'),
            ...IN_SERVICE,
          ],
        )
      },
    )

    const refusals = [
      { name: 'no-shim', mac: SHIMMED, by: "iPXE's shim", errno: '7f04819a', skip: false },
      { name: 'no-shim-own', mac: ENROLLED, by: 'the firmware', errno: '7f04818f', skip: ofRelease },
    ] as const
    for (const { name, mac, by, errno, skip: without } of refusals)
      test(`without Debian's shim, ${by} refuses the kernel, and the timeline says so`, {
        ...limit,
        skip: without,
      }, async () => {
        rmSync(join(room.firmware, 'shimx64.efi'), { force: true })
        const server = await room.serve()
        const machine = await powerOn(name, mac, { uefiBoots: 'ipv4' })
        await switchOff(machine, async () => {
          const { detail } = await server.event('boot.failed', { mac }, 0, BOOT_PATIENCE_MS)
          assert.equal(detail['step'], 'boot')
          assert.match(String(detail['url']), /\/vmlinuz$/)
          assert.match(String(detail['error']), /^The firmware refuses the image/)
          assert.equal(detail['errno'], errno)
        })
        assert.deepEqual(
          stepsOf(server, mac).filter((step) => /shimx64\.efi|report/.test(step)),
          [],
        )
      })
  })
})

function filesOf(folder: string): Omit<SignedIpxe, 'enrolled'> {
  return {
    variables: ovmfVariables({ secureBoot: true }),
    shim: join(folder, 'snponly-shim.efi'),
    ipxe: join(folder, 'snponly.efi'),
  }
}

function fetched(over: 'tftp' | 'http', ...files: readonly string[]): readonly string[] {
  return files.flatMap((file) => [`${over}.start ${file}`, `${over}.done ${file}`])
}
