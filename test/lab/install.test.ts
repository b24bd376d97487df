import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureDisk, parseDiskSize } from '../../src/lab/disk-image.ts'
import { makeBridge, makeTap } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload, type Payload } from '../../src/lab/payload.ts'
import { type RunningMachine, startMachine } from '../../src/lab/qemu.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { endAll, type LoggedEvent, type Running, startCentra } from '../helpers/server.ts'

/**
 * Virtual machines boot from the network, install themselves on their blank disk, restart in the same QEMU, and start
 * from the disk: BIOS because the server leaves it to its local disk, UEFI because its disk comes first and is not
 * blank any more.
 */
const missing = missingPackages('lab')
const options = { skip: missing.length > 0 && `missing: ${missing.join(' ')}`, timeout: 300_000 }
/** Seconds for an installation, or for a boot, on a busy machine. */
const PATIENCE_S = 120
const FOLDER = '/run/machines'
const MACHINES = {
  bios: { mac: '52:54:00:77:0b:01', tap: 'tap0', bootFirst: 'network' },
  uefi: { mac: '52:54:00:77:0b:02', tap: 'tap1', bootFirst: 'disk' },
} as const
type Firmware = keyof typeof MACHINES

// The namespace has no network for apt: this runs outside as well, before the file runs again inside.
const payload = missing.length === 0 && process.getuid?.() === 0 ? await buildPayload() : undefined

inNetns(import.meta, () => {
  const machines: RunningMachine[] = []
  const powerOff = (): Promise<unknown> => Promise.all(machines.splice(0).map((machine) => machine.stop()))

  before(async () => {
    if (payload === undefined) return
    await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
    for (const { tap } of Object.values(MACHINES)) await makeTap({ name: tap, bridge: 'prov0' })
    // Without an answer iPXE waits for one before it asks for an IPv4 address.
    assert.ok(answerRouterSolicitations('prov0').ok)
  })
  afterEach(async () => {
    await powerOff()
    await endAll()
  })

  for (const firmware of ['bios', 'uefi'] as const) {
    test(`${firmware}: a machine installs itself, restarts and boots from its disk`, options, async () => {
      const { server, leaveToDisk } = await startServer(firmware)
      machines.push(await powerOn(firmware))
      const { detail } = await report(server, firmware, 'installed')
      assert.equal(detail['detail'], 'installed on /dev/vda from http://10.77.0.1:8080/images/payload')

      leaveToDisk()
      const inService = await report(server, firmware, 'in-service')
      const cmdline = String(inService.detail['cmdline']).split(' ')
      for (const wanted of ['centra.from=disk', 'centra.profile=worker', 'console=ttyS0,115200'])
        assert.ok(cmdline.includes(wanted), `${wanted} is not in ${cmdline.join(' ')}`)
      assert.deepEqual(
        cmdline.filter((word) => word.startsWith('centra.install')),
        [],
      )
      const kernels = eventsOf(server).filter(
        ({ kind, detail }) => kind === 'http.done' && detail['file'] === 'vmlinuz',
      )
      assert.equal(kernels.length, 2, 'vmlinuz goes out twice: to boot from the network, and onto the disk')
      assert.match(
        serialOf(firmware),
        /centra: installed on \/dev\/vda[\s\S]*centra: started from the disk\r?\n[\s\S]*centra: in service as worker/,
      )
    })
  }

  test('a disk that is not blank is refused and keeps its bytes', options, async () => {
    const disk = readFileSync(diskOf('bios'))
    const { server } = await startServer('bios')
    machines.push(await powerOn('bios'))
    const failed = await report(server, 'bios', 'failed')
    assert.equal(failed.detail['detail'], 'disk /dev/vda is not empty: nothing was written')
    await powerOff()
    assert.ok(readFileSync(diskOf('bios')).equals(disk))
  })
})

interface Serving {
  readonly server: Running
  /** From now on the server leaves every machine to its local disk. */
  readonly leaveToDisk: () => void
}

async function startServer(firmware: Firmware): Promise<Serving> {
  assert.ok(payload !== undefined)
  mkdirSync('/run/sites', { recursive: true })
  const folder = mkdtempSync('/run/sites/site-')
  const file = join(folder, 'centra-pxe.yaml')
  writeFileSync(file, configOf(payload, [{ name: firmware, mac: MACHINES[firmware].mac }]))
  const server = startCentra('serve', '--config', file, '--state-dir', join(folder, 'state'), '--log', 'json')
  await server.stderrMatch(/^ready .*$/m)
  const leaveToDisk = (): void => {
    writeFileSync(file, configOf(payload, []))
    server.signal('SIGHUP')
  }
  return { server, leaveToDisk }
}

function configOf({ kernel, initrd }: Payload, nodes: readonly { name: string; mac: string }[]): string {
  const fast = 'quiet nokaslr mitigations=off tsc=reliable audit=0 random.trust_cpu=on console=ttyS0,115200'
  const install = 'centra.install=http://10.77.0.1:8080/images/payload'
  // JSON is YAML.
  return JSON.stringify({
    version: 1,
    networks: [
      {
        ...{ name: 'provisioning', interface: 'prov0', subnet: '10.77.0.0/24', address: '10.77.0.1' },
        ...{ dhcp: 'server', pool: '10.77.0.100-10.77.0.199' },
      },
    ],
    images: { payload: { kernel, initrd, cmdline: fast } },
    profiles: { worker: { image: 'payload' } },
    nodes: nodes.map((node) => ({ ...node, profile: 'worker', cmdline: install })),
    unknown: 'local',
  })
}

async function powerOn(firmware: Firmware): Promise<RunningMachine> {
  const { tap, bootFirst } = MACHINES[firmware]
  const mac = parseMac(MACHINES[firmware].mac)
  const size = parseDiskSize('96M')
  assert.ok(mac !== undefined && size !== undefined)
  await ensureDisk(diskOf(firmware), size)
  return startMachine({
    ...{ name: firmware, firmware, nic: 'virtio', mac, tap, bootFirst },
    ...{ memoryMib: 512, acceleration: 'tcg', folder: join(FOLDER, firmware) },
    uuid: `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`,
    disk: { path: diskOf(firmware), format: 'qcow2' },
  })
}

function diskOf(firmware: Firmware): string {
  return join(FOLDER, `${firmware}.qcow2`)
}

function serialOf(firmware: Firmware): string {
  return readFileSync(join(FOLDER, firmware, 'serial.log'), 'latin1')
}

async function report(server: Running, firmware: Firmware, stage: string): Promise<LoggedEvent> {
  for (let tries = PATIENCE_S * 10; tries > 0; tries -= 1) {
    const found = eventsOf(server).find((event) => event.kind === 'report' && event.detail['stage'] === stage)
    if (found !== undefined) return found
    await sleep(100)
  }
  throw new Error(
    `no report "${stage}"; the serial console:\n${serialOf(firmware).slice(-4000)}\n${server.stderr}`,
  )
}

function eventsOf(server: Running): readonly LoggedEvent[] {
  return server.stderr.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return []
    const { event } = JSON.parse(line)
    return event === undefined ? [] : [event]
  })
}
