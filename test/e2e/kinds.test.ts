import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeBridge } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { serveIscsi } from '../helpers/iscsi-target.ts'
import { MachineAtConsole } from '../helpers/machine-at-console.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { endAll, loggedEvents, type Running, startCentra } from '../helpers/server.ts'

/**
 * What can be booted besides a Linux kernel, by real iPXE and firmware: a menu in the menu and a password typed on the serial
 * console, an ISO image over HTTP and an iSCSI target, memtest86+ on BIOS by a hidden key and as a program for UEFI.
 */
const memtest = await unpackPeer('memtest86+')
const tgt = await unpackPeer('tgt')
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : ('why' in memtest && memtest.why) || ('why' in tgt && tgt.why)

const SITE = '/run/site'
/** Of `open sesame`. */
const HASH = 'scrypt:16384:8:1:fQ9iEGgNapkUkPmvRCaotg:_lzrRoxnTyw6xB62S38Jsh0d6rBBMrKItF3CDr0Q0fU'
const DISKLESS = '52:54:00:77:0c:04'
const UEFI = '52:54:00:77:0c:03'
const CONFIG = `version: 1
server: { stateDir: ./state }
networks:
  - { name: provisioning, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199, pingCheck: false }
images:
  # Debian's iPXE as an ISO image: whoever boots it comes back to the menu.
  iso: { iso: ./ipxe.iso }
  lun:
    sanboot: "iscsi:10.77.0.1::3260:1:iqn.2026-01.example:{{node.name}}"
    initiator: "iqn.2026-01.example.machine:{{node.name}}"
  memtest:
    arch:
      bios-x86: { kernel: ./memtest86+x64.bin }
      uefi-x64: { efi: ./memtest86+x64.efi, cmdline: "console=ttyS0,115200 name={{node.name}}" }
profiles:
  diskless: { image: lun }
  live: { image: iso, title: A system on an ISO image }
  memtest: { image: memtest, title: Memory test }
nodes:
  - { name: diskless, mac: "${DISKLESS}", profile: diskless }
  - { name: tested, mac: "${UEFI}", profile: memtest }
menu:
  title: Menu of entries
  timeout: 5m
  entries:
    - submenu: tools
      title: Tools
      key: t
      entries:
        - { profile: live, password: "${HASH}" }
    - { profile: memtest, key: x, hidden: true }
`

inNetns(import.meta, (net) => {
  describe('what else can be booted', { skip }, () => {
    let server: Running
    const machines: MachineAtConsole[] = []
    const powerOn = async (
      name: string,
      mac: string,
      firmware: 'bios' | 'uefi',
    ): Promise<MachineAtConsole> => {
      const machine = await MachineAtConsole.powerOn({
        ...{ name, mac, firmware, bridge: 'prov0', folder: '/run/machines' },
      })
      machines.push(machine)
      return machine
    }

    before(async () => {
      assert.ok('tree' in memtest)
      await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
      assert.ok(answerRouterSolicitations('prov0').ok)
      mkdirSync(SITE, { recursive: true })
      copyFileSync('/usr/lib/ipxe/ipxe.iso', join(SITE, 'ipxe.iso'))
      for (const file of ['memtest86+x64.bin', 'memtest86+x64.efi'])
        copyFileSync(join(memtest.tree, 'boot', file), join(SITE, file))
      const config = join(SITE, 'centra-pxe.yaml')
      writeFileSync(config, CONFIG)
      server = startCentra('serve', '--config', config, '--log', 'json')
      await server.stderrMatch(/^ready .*$/m)
    })
    after(async () => {
      await Promise.all(machines.map((machine) => machine.powerOff()))
      await endAll()
    })
    const limit = { timeout: 300_000 }
    const scriptsOf = (mac: string): readonly string[] =>
      loggedEvents(server.stderr)
        .filter((event) => event['mac'] === mac && event.kind === 'http.script')
        .map(({ detail }) => String(detail['script']))

    test(
      'BIOS: a menu below, a wrong password, the right one, and an ISO image over HTTP',
      limit,
      async () => {
        const mac = '52:54:00:77:0c:01'
        const machine = await powerOn('iso', mac, 'bios')
        await machine.sees('p. Power off')
        await machine.types('t')
        await machine.sees('A system on an ISO image (password)')
        await machine.sees('b. Back to the menu')
        await machine.types('b')
        await machine.sees('p. Power off')
        await machine.types('t')
        await machine.sees('A system on an ISO image (password)')
        await machine.types('1')
        for (const password of ['open says me', 'open sesame']) {
          await machine.sees('p. Type the password')
          await machine.types('p')
          await machine.sees('Password')
          await machine.types('\r')
          await machine.types(`${password}\r`)
          if (password !== 'open sesame') await machine.sees('The password was wrong.')
        }
        await machine.sees('Centra PXE: 52:54:00:77:0c:01: live (iso)')
        await machine.sees('Booting from SAN device')
        await machine.sees('iPXE initialising devices')
        await machine.sees('p. Power off')
        await machine.powerOff()
        assert.deepEqual(scriptsOf(mac), [
          ...['identify', 'menu', 'menu', 'menu', 'menu', 'password', 'password', 'sanboot'],
          ...['identify', 'menu'],
        ])
        const log = server.stderr.toString()
        const hex = Buffer.from('open sesame').toString('hex')
        assert.ok(!log.includes(hex) && !log.includes('sesame'))
      },
    )

    test(
      'BIOS: a drive of an iSCSI target, by the name that the node gives the initiator',
      limit,
      async () => {
        assert.ok('tree' in tgt)
        const loggedIn = await serveIscsi(net, tgt.tree, {
          ...{ name: 'iqn.2026-01.example:diskless', portal: '10.77.0.1:3260' },
          drive: join(SITE, 'ipxe.iso'),
        })
        const machine = await powerOn('diskless', DISKLESS, 'bios')
        await machine.sees('Centra PXE: diskless: diskless (lun)')
        await machine.sees('Booting from SAN device')
        assert.match(loggedIn(), /Initiator: iqn\.2026-01\.example\.machine:diskless/)
        await machine.sees('iPXE initialising devices')
        await machine.powerOff()
        assert.deepEqual(scriptsOf(DISKLESS).slice(0, 2), ['identify', 'sanboot'])
      },
    )

    test('BIOS: a key that no line shows starts memtest86+', limit, async () => {
      const machine = await powerOn('hidden', '52:54:00:77:0c:02', 'bios')
      await machine.sees('p. Power off')
      await machine.types('x')
      await machine.sees('Centra PXE: 52:54:00:77:0c:02: memtest (memtest)')
      await machine.sees('Memtest86+')
      await machine.powerOff()
    })

    test('UEFI: iPXE starts a program for UEFI', limit, async () => {
      const machine = await powerOn('tested', UEFI, 'uefi')
      await machine.sees('Centra PXE: tested: memtest (memtest)')
      // These machines have no screen, and on UEFI memtest86+ does not go on without one: its own words.
      await machine.sees('set_screen_info() failed')
      await machine.powerOff()
      assert.deepEqual(scriptsOf(UEFI), ['identify', 'program'])
    })
  })
})
