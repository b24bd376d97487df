import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeBridge, makeTap } from '../../src/lab/namespace.ts'
import { unpackNewer } from '../../src/lab/newer-packages.ts'
import { type Peer, peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { endAll, eventually, loggedEvents, Running, startCentra } from '../helpers/server.ts'

/**
 * Firmware of another processor than this machine's: EDK2 and U-Boot of arm64 in QEMU, with iPXE 2.0 of Debian sid. They
 * come from Debian's packages, unpacked and not installed.
 */
const qemu = await unpackPeer('qemu-system-arm', 'qemu-system-data')
const edk2 = await unpackPeer('qemu-efi-aarch64')
const uBoot = await unpackPeer('u-boot-qemu')
const ipxe: Peer = await unpackNewer({ suite: 'sid', packages: ['ipxe'] }).then(
  ({ folder }) => ({ tree: folder }),
  (error: Error) => ({ why: error.message }),
)
const why = [qemu, edk2, uBoot, ipxe].flatMap((peer) => ('why' in peer ? [peer.why] : []))
const skip = why.length > 0 && why.join('; ')
/** From the power button to the loader's script, on a busy host. */
const PATIENCE_MS = 180_000
const LOADER = 'ipxe-arm64.efi'
/** Of U-Boot's default environment. */
const UBOOT_MAC = '52:52:52:52:52:52'
const EDK2_MAC = '52:54:00:77:0a:11'
const CONFIG = `
version: 1
server: { firmware: [./firmware], stateDir: ./state }
menu: { timeout: 1s }
networks:
  - { name: p, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199 }
`

inNetns(import.meta, (net) => {
  describe('machines of another processor', { skip }, () => {
    let server: Running

    before(async () => {
      await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
      answerRouterSolicitations('prov0')
      mkdirSync('/run/site/firmware', { recursive: true })
      writeFileSync('/run/site/centra-pxe.yaml', CONFIG)
      copyFileSync(join(treeOf(ipxe), 'usr/lib/ipxe', LOADER), `/run/site/firmware/${LOADER}`)
      server = startCentra('serve', '--config', '/run/site/centra-pxe.yaml', '--log', 'json')
      await server.stderrMatch(/^ready .*$/m)
    })
    after(endAll)

    const powerOn = async (name: string, firmware: readonly string[]): Promise<Running> => {
      await makeTap({ name: `tap-${name}`, bridge: 'prov0' })
      return new Running(
        net.spawn('env', [
          ...[peerEnvironment(treeOf(qemu)), `${treeOf(qemu)}/usr/bin/qemu-system-aarch64`],
          ...['-L', `${treeOf(qemu)}/usr/share/qemu`, '-M', 'virt', '-accel', 'tcg', '-cpu', 'cortex-a57'],
          ...['-m', '1024', '-nodefaults', '-display', 'none', '-serial', `file:/run/${name}.serial`],
          ...['-uuid', '00000000-0000-4000-8000-525400770a11', ...firmware],
          ...['-netdev', `tap,id=net0,ifname=tap-${name},script=no,downscript=no`],
          ...['-device', `virtio-net-pci,netdev=net0,mac=${EDK2_MAC},romfile=`],
        ]),
      )
    }
    const limit = { timeout: PATIENCE_MS * 3 }

    test(
      'X04, X07: EDK2 arm64 gets iPXE 2.0 by PXE, then by HTTP boot, and iPXE its script',
      limit,
      async () => {
        const [code, variables] = ['CODE', 'VARS'].map(
          (part) => `${treeOf(edk2)}/usr/share/AAVMF/AAVMF_${part}.fd`,
        )
        assert.ok(code && variables)
        copyFileSync(variables, '/run/variables.fd')
        const machine = await powerOn('edk2', [
          ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${code}`],
          ...['-drive', 'if=pflash,unit=1,format=raw,file=/run/variables.fd'],
        ])
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
          ...[
            'dhcp.discover uefi-arm64',
            'http.script identify',
            'http.script menu',
            'http.script local-disk',
          ],
          ...['dhcp.discover uefi-arm64-http', `http.start ${LOADER}`, `http.done ${LOADER}`],
          ...['dhcp.discover uefi-arm64', 'http.script identify', 'http.script menu'],
        ])
        await machine.stop('SIGKILL')
      },
    )

    test(
      'X04: U-Boot arm64 asks its server for a script of its own, then as UEFI for a loader, and starts it',
      limit,
      async () => {
        const machine = await powerOn('u-boot', [
          '-bios',
          `${treeOf(uBoot)}/usr/lib/u-boot/qemu_arm64/u-boot.bin`,
        ])
        await server.event('tftp.done', { mac: UBOOT_MAC, file: LOADER }, 0, PATIENCE_MS)
        await server.event('tftp.refused', { mac: UBOOT_MAC, file: 'boot.scr.uimg' })
        assert.deepEqual(
          stepsOf(server, UBOOT_MAC).filter((step) => !/refused/.test(step)),
          [
            'dhcp.discover uboot-arm64',
            'dhcp.discover uefi-arm64',
            `tftp.start ${LOADER}`,
            `tftp.done ${LOADER}`,
          ],
        )
        const started = (): boolean => /iPXE 2\./.test(readFileSync('/run/u-boot.serial', 'latin1'))
        await eventually('iPXE on its console', () => started() || undefined)
        await machine.stop('SIGKILL')
      },
    )
  })
})

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
