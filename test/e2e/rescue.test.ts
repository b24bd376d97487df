import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { makeBridge, makeTap } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { type RunningMachine, startMachine } from '../../src/lab/qemu.ts'
import { SerialConsole } from '../../src/lab/serial-console.ts'
import { buildRescue } from '../../src/rescue/build.ts'
import { BOOT_PATIENCE_MS } from '../helpers/boot-room.ts'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { MachineAtConsole } from '../helpers/machine-at-console.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import {
  centra,
  endAll,
  eventually,
  type LoggedEvent,
  type Running,
  sha256,
  startCentra,
} from '../helpers/server.ts'
import { mac } from '../helpers/world.ts'

/**
 * A machine whose disk is not to be touched is booted into the rescue system by `node rescue`: SSH lets one key in and no
 * other, and the serial console has a root shell. Others come there from the menu, and after a boot step that failed.
 */
const MAC = '52:54:00:77:0e:01'
const FAILING = '52:54:00:77:0e:02'
const CHOOSING = '52:54:00:77:0e:03'
const CONFIG = `version: 1
server: { stateDir: ./state, firmware: ./firmware }
networks:
  - name: provisioning
    interface: prov0
    subnet: 10.77.0.0/24
    address: 10.77.0.1
    dhcp: server
    pool: 10.77.0.100-10.77.0.199
images:
  # Nobody listens there: a boot step that fails at once.
  gone: { chain: "http://10.77.0.1:9/none.ipxe" }
profiles:
  worker: { image: gone, onFailure: rescue }
nodes:
  - { name: broken, mac: "${MAC}", address: 10.77.0.21 }
  - { name: failing, mac: "${FAILING}", profile: worker }
`
const SITE = '/run/site'
const DISK = '/run/disk.img'
const DISK_OCTETS = 48 * 1024 * 1024

const absent = missingPackages('lab')
// Outside of the namespaces both download what the cache lacks.
const peer = absent.length === 0 ? await unpackPeer('dropbear-bin', 'zlib1g') : { why: absent.join(' ') }
if ('tree' in peer) await buildRescue()

inNetns(import.meta, () => {
  describe('the rescue system', { skip: 'why' in peer && `missing: ${peer.why}` }, () => {
    let server: Running
    let machine: RunningMachine
    let console: SerialConsole
    let report: LoggedEvent
    const disk = Buffer.concat([randomBytes(1 << 20), Buffer.alloc(DISK_OCTETS - (1 << 20), 'centra')])
    const screen = (): string => stripVTControlCharacters(readFileSync(machine.files.serialLog, 'latin1'))

    before(async () => {
      mkdirSync(`${SITE}/firmware`, { recursive: true })
      copyFileSync('/usr/lib/ipxe/snponly.efi', `${SITE}/firmware/snponly.efi`)
      writeFileSync(`${SITE}/centra-pxe.yaml`, CONFIG)
      writeFileSync(DISK, disk)
      writeFileSync('/run/keys', `# may log in\n${makeKey('/run/ours')} ours\n`)
      makeKey('/run/other')
      await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
      answerRouterSolicitations('prov0')
      await makeTap({ name: 'tap0', bridge: 'prov0' })
    })

    const others: MachineAtConsole[] = []
    const powerOn = async (
      name: string,
      address: string,
      firmware: 'bios' | 'uefi',
    ): Promise<MachineAtConsole> => {
      const one = await MachineAtConsole.powerOn({
        ...{ name, mac: address, firmware, bridge: 'prov0', folder: '/run/others', memoryMib: 768 },
      })
      others.push(one)
      return one
    }

    after(async () => {
      console?.close()
      await machine?.stop()
      await Promise.all(others.map((one) => one.powerOff()))
      await endAll()
    })

    test('without an image, node rescue is refused and says what makes one', async () => {
      server = startCentra('serve', '--config', `${SITE}/centra-pxe.yaml`, '--log', 'json')
      await server.stderrMatch(/^ready .*$/m)
      const refused = await centra('node', 'rescue', 'broken', '--config', `${SITE}/centra-pxe.yaml`)
      assert.equal(refused.code, 1)
      assert.match(refused.stderr, /centra-pxe rescue build --authorized-keys FILE/)
    })

    test('rescue build puts the image into the store, with the key that may log in', async () => {
      const build = ['rescue', 'build', '--config', `${SITE}/centra-pxe.yaml`, '--json', '--authorized-keys']
      const wrong = await centra(...build, '/run/ours')
      assert.deepEqual([wrong.code, wrong.stdout], [2, ''], wrong.stderr)
      const built = await centra(...build, '/run/keys')
      assert.equal(built.code, 0, built.stderr)
      const { name, keys, initrds } = JSON.parse(built.stdout)
      assert.deepEqual([name, keys.length, keys[0].comment, initrds.length], ['rescue', 1, 'ours', 2])
    })

    test('node rescue boots it once, and its report has the host key', async () => {
      const asked = await centra('node', 'rescue', 'broken', '--config', `${SITE}/centra-pxe.yaml`)
      assert.equal(asked.code, 0, asked.stderr)
      machine = startMachine({
        ...{ name: 'broken', firmware: 'bios', nic: 'virtio', mac: mac(MAC), tap: 'tap0', memoryMib: 768 },
        ...{ uuid: '00000000-0000-4000-8000-525400770e01', folder: '/run/broken', console: true },
        ...{ acceleration: 'tcg', disk: { path: DISK, format: 'raw' } },
      })
      console = await SerialConsole.open(machine.files.consoleSocket)
      report = await server
        .event('report', { stage: 'rescue' }, 0, BOOT_PATIENCE_MS)
        .catch((error: Error) => {
          error.message += `\nits console:\n${screen().slice(-4000)}`
          throw error
        })
      assert.equal(report.detail['standing'], 'verified')
      assert.match(String(report.detail['host-key']), /^SHA256:[A-Za-z0-9+/]{43}$/)
      assert.equal(report.detail['ssh-keys'], '1')
    })

    test('SSH lets the key in, shows the reported host key, and the disk is there', () => {
      const { status, stdout, stderr } = ssh('/run/ours', 'lsblk -bdno NAME,SIZE,MOUNTPOINT')
      assert.equal(status, 0, stderr)
      assert.match(stdout, new RegExp(`^[sv]da +${DISK_OCTETS} *$`, 'm'))
      assert.ok(stderr.includes(String(report.detail['host-key'])), stderr)
      const mounted = ssh('/run/ours', 'grep -c ^/dev/ /proc/mounts; cat /proc/mdstat; dmsetup ls').stdout
      assert.match(mounted, /^0\n/)
    })

    test('the tools of every kind start', () => {
      const all =
        'sfdisk -v; lvm version; mdadm -V; cryptsetup -V; smartctl -V; nvme version; xfs_repair -V; btrfs --version; '
      const { stdout, stderr } = ssh(
        '/run/ours',
        `${all} curl -V; ss -V; modprobe -v raid456; grep -c ^raid456 /proc/modules`,
      )
      assert.match(stdout, /^1$/m, stderr)
      assert.doesNotMatch(stderr, /not found|error while loading/)
    })

    test('another key and passwords are refused', () => {
      const { status, stdout, stderr } = ssh('/run/other', 'echo in')
      assert.notEqual(status, 0)
      assert.equal(stdout, '')
      assert.match(stderr, /No auth methods could be used/)
    })

    test('the serial console has a root shell', async () => {
      await eventually('a prompt', () => (screen().includes('root@rescue') ? true : undefined))
      await console.type('echo shell-$((40+2))-$(id -u)\r')
      await eventually('an answer', () => (screen().includes('shell-42-0') ? true : undefined))
      assert.match(screen(), /whoever has this console is root/)
    })

    test('nothing was written to the disk', async () => {
      await machine.stop()
      assert.equal(sha256(readFileSync(DISK)), sha256(disk))
    })

    const limit = { timeout: 2 * BOOT_PATIENCE_MS }

    test('BIOS: from the menu, by its key', limit, async () => {
      const one = await powerOn('choosing', CHOOSING, 'bios')
      await one.sees('r. Rescue')
      await one.types('r')
      const { detail } = await server.event('report', { mac: CHOOSING, stage: 'rescue' }, 0, BOOT_PATIENCE_MS)
      await one.powerOff()
      assert.equal(detail['standing'], 'verified')
    })

    test('UEFI: after a boot step that failed, when nobody chooses otherwise', limit, async () => {
      const one = await powerOn('failing', FAILING, 'uefi')
      await one.sees('The boot failed: chain')
      const { detail } = await server.event('report', { mac: FAILING, stage: 'rescue' }, 0, BOOT_PATIENCE_MS)
      await one.powerOff()
      assert.equal(detail['standing'], 'verified')
    })
  })
})

/** The public half; the private one is in the file, in dropbear's form. */
function makeKey(file: string): string {
  const said = inTree('dropbearkey', '-t', 'ed25519', '-f', file)
  const line = /^ssh-ed25519 \S+/m.exec(said)?.[0]
  assert.ok(line, said)
  return line
}

function inTree(program: string, ...args: readonly string[]): string {
  assert.ok('tree' in peer)
  return execFileSync('env', [peerEnvironment(peer.tree), `${peer.tree}/usr/bin/${program}`, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function ssh(key: string, command: string): { status: number | null; stdout: string; stderr: string } {
  assert.ok('tree' in peer)
  const args = ['HOME=/run', `${peer.tree}/usr/bin/dbclient`, '-y', '-i', key, 'root@10.77.0.21', command]
  return spawnSync('env', [peerEnvironment(peer.tree), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
}
