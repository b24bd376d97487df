import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeBridge } from '../../src/lab/namespace.ts'
import { unpackNewer } from '../../src/lab/newer-packages.ts'
import { makeArm64Payload, unpackArm64 } from '../helpers/arm64-payload.ts'
import { type Peer, unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import {
  ARM64_EDK2,
  ARM64_QEMU,
  arm64Command,
  arm64Machine,
  type Command,
  common,
  serialOf,
} from '../helpers/other-machines.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { endAll, eventually, loggedEvents, Running, startCentra } from '../helpers/server.ts'

/**
 * Firmware of another processor than this machine's: EDK2 and U-Boot of arm64 in QEMU, with iPXE 2.0 of Debian sid. They
 * come from Debian's packages, unpacked and not installed.
 */
const qemu = await unpackPeer(...ARM64_QEMU)
const edk2 = await unpackPeer(ARM64_EDK2)
const uBoot = await unpackPeer('u-boot-qemu')
const ipxe: Peer = await unpackNewer({ suite: 'sid', packages: ['ipxe'] }).then(
  ({ folder }) => ({ tree: folder }),
  (error: Error) => ({ why: error.message }),
)
const arm64 = await unpackArm64().then(
  (parts) => ({ parts }),
  (error: Error) => ({ why: error.message }),
)
const why = [qemu, edk2, uBoot, ipxe, arm64].flatMap((peer) => ('why' in peer ? [peer.why] : []))
const skip = why.length > 0 && why.join('; ')
/** From the power button to the loader's script, on a busy host. */
const PATIENCE_MS = 180_000
const LOADER = 'ipxe-arm64.efi'
/** Of U-Boot's default environment. */
const UBOOT_MAC = '52:52:52:52:52:52'
const EDK2_MAC = '52:54:00:77:0a:11'
const IPXE_MAC = '52:54:00:77:0a:12'
const SIGNED_MAC = '52:54:00:77:0a:13'
const GRUB = 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed'
const CONFIG = `
version: 1
server: { firmware: [./firmware], stateDir: ./state }
menu: { timeout: 1s }
networks:
  - { name: p, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199 }
images:
  debian: { arch: { uefi-arm64: { kernel: ./images/vmlinuz, initrd: ./images/initrd.img, cmdline: console=ttyAMA0 } } }
profiles:
  worker: { image: debian, cmdline: audit=0 }
nodes:
  - { name: with-ipxe, mac: "${IPXE_MAC}", profile: worker, cmdline: test.node=ipxe }
  - { name: with-grub, mac: "${SIGNED_MAC}", profile: worker, cmdline: test.node=grub, loader: shimaa64.efi }
`

const FILES = ['vmlinuz', 'initrd.img'] as const
const LINUX = [
  {
    name: 'iPXE 2.0',
    mac: IPXE_MAC,
    steps: [
      ...loaded('tftp', LOADER),
      ...['tftp.script identify', 'http.script boot'],
      ...loaded('http', ...FILES),
    ],
  },
  {
    name: 'shim and GRUB',
    mac: SIGNED_MAC,
    steps: [
      ...loaded('tftp', 'shimaa64.efi', 'grubaa64.efi'),
      'tftp.script boot',
      ...loaded('http', ...FILES),
    ],
  },
] as const

inNetns(import.meta, (net) => {
  describe('machines of another processor', { skip }, () => {
    let server: Running

    before(async () => {
      await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
      answerRouterSolicitations('prov0')
      mkdirSync('/run/site/firmware', { recursive: true })
      writeFileSync('/run/site/centra-pxe.yaml', CONFIG)
      copyFileSync(join(treeOf(ipxe), 'usr/lib/ipxe', LOADER), `/run/site/firmware/${LOADER}`)
      assert.ok('parts' in arm64)
      const { tree } = arm64.parts
      copyFileSync(join(tree, 'usr/lib/shim/shimaa64.efi.signed'), '/run/site/firmware/shimaa64.efi')
      copyFileSync(join(tree, GRUB), '/run/site/firmware/grubaa64.efi')
      mkdirSync('/run/site/images')
      makeArm64Payload(arm64.parts, '/run/site/images')
      server = startCentra('serve', '--config', '/run/site/centra-pxe.yaml', '--log', 'json')
      await server.stderrMatch(/^ready .*$/m)
    })
    after(endAll)

    const start = ([program, ...args]: Command): Running => new Running(net.spawn(program, args))
    const powerOn = async (name: string, mac: string): Promise<Running> =>
      start(await arm64Machine({ name, mac }, { qemu: treeOf(qemu), edk2: treeOf(edk2) }))
    const limit = { timeout: PATIENCE_MS * 3 }

    for (const { name, mac, steps } of LINUX)
      test(`Linux by ${name}, with the node's own command line`, limit, async () => {
        const machine = await powerOn(name.replace(/\W/g, ''), mac)
        const report = await server.event('report', { mac, stage: 'in-service' }, 0, PATIENCE_MS)
        assert.equal(report.detail['standing'], 'verified')
        assert.match(
          String(report.detail['cmdline']),
          / console=ttyAMA0 audit=0 test\.node=(ipxe|grub) BOOTIF=/,
        )
        const seen = stepsOf(server, mac).filter((step) => !/^tftp\.(refused|probe)|grub\.cfg/.test(step))
        assert.deepEqual(seen, ['dhcp.discover uefi-arm64', ...steps, 'dhcp.discover undefined'])
        await machine.stop('SIGKILL')
      })

    test(
      'X04, X07: EDK2 arm64 gets iPXE 2.0 by PXE, then by HTTP boot, and iPXE its script',
      limit,
      async () => {
        const machine = await powerOn('edk2', EDK2_MAC)
        await server.event('http.done', { mac: EDK2_MAC, file: LOADER }, 0, PATIENCE_MS)
        const from = server.stderr.length
        await server.event('http.script', { mac: EDK2_MAC, script: 'menu' }, from, PATIENCE_MS)
        assert.deepEqual(stepsOf(server, EDK2_MAC), [
          ...[
            `dhcp.discover uefi-arm64`,
            `tftp.probe ${LOADER}`,
            `tftp.start ${LOADER}`,
            `tftp.done ${LOADER}`,
          ],
          ...['tftp.script identify', 'http.script menu', 'http.script local-disk'],
          ...['dhcp.discover uefi-arm64-http', `http.start ${LOADER}`, `http.done ${LOADER}`],
          ...['http.script identify', 'http.script menu'],
        ])
        await machine.stop('SIGKILL')
      },
    )

    test(
      'X04: U-Boot arm64 asks its server for a script of its own, then as UEFI for a loader, and starts it',
      limit,
      async () => {
        const bios = `${treeOf(uBoot)}/usr/lib/u-boot/qemu_arm64/u-boot.bin`
        const card = await common({ name: 'u-boot', mac: EDK2_MAC })
        const machine = start([...arm64Command(treeOf(qemu)), '-bios', bios, ...card])
        await server.event('tftp.done', { mac: UBOOT_MAC, file: LOADER }, 0, PATIENCE_MS)
        await server.event('tftp.refused', { mac: UBOOT_MAC, file: 'boot.scr.uimg' })
        assert.deepEqual(
          stepsOf(server, UBOOT_MAC).filter((step) => !/refused|tftp\.script/.test(step)),
          [
            'dhcp.discover uboot-arm64',
            'dhcp.discover uefi-arm64',
            `tftp.start ${LOADER}`,
            `tftp.done ${LOADER}`,
          ],
        )
        const started = (): boolean => /iPXE 2\./.test(readFileSync(serialOf({ name: 'u-boot' }), 'latin1'))
        await eventually('iPXE on its console', () => started() || undefined)
        await machine.stop('SIGKILL')
      },
    )
  })
})

function loaded(plane: 'tftp' | 'http', ...files: readonly string[]): readonly string[] {
  return files.flatMap((file) => [`${plane}.start ${file}`, `${plane}.done ${file}`])
}

function treeOf(peer: Peer): string {
  assert.ok('tree' in peer)
  return peer.tree
}

/** What a machine asked for and got, in order, each repetition told once. */
function stepsOf(server: Running, mac: string): readonly string[] {
  const steps = loggedEvents(server.stderr)
    .filter((event) => event['mac'] === mac && /^(dhcp\.discover|(tftp|http)\.(?!progress))/.test(event.kind))
    .map(({ kind, detail }) => `${kind} ${String(detail['arch'] ?? detail['file'] ?? detail['script'])}`)
  const told = steps.filter((step) => !/autoexec\.ipxe/.test(step))
  return told.filter((step, i) => step !== told[i - 1])
}
