import assert from 'node:assert/strict'
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureDisk, parseDiskSize } from '../../src/lab/disk-image.ts'
import { makeBridge, makeTap } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { type RunningMachine, startMachine } from '../../src/lab/qemu.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { runs } from '../helpers/counts.ts'
import { debianInstaller, type Installer } from '../helpers/debian-installer.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import {
  centra,
  endAll,
  type LoggedEvent,
  loggedEvents,
  type Running,
  startCentra,
} from '../helpers/server.ts'

/**
 * Debian's installer, from its package, reads our preseed and installs from a mirror inside the test's network: in every run until it
 * has asked whether it may write and made its file system, in the soak to its last command.
 */
const MACHINE = { name: 'db-01', mac: '52:54:00:77:0d:01', folder: '/run/machines/db-01' } as const
const MIRROR_PORT = 8090
const isWhole = runs(0, 1) === 1
/** Seconds, on a busy machine without virtualisation. */
const PATIENCE_S = isWhole ? 3000 : 235
/** What the installer tells, in this order (test/fixtures/installer/preseed.cfg, test/helpers/installer-parts.ts). */
const TOLD = ['initrd preseed read', 'initrd target mounted'] as const
const TOLD_AT_LAST = [
  'initrd base system unpacked',
  'installed db-01, db-01, Debian 12',
  'in-service the installer is done',
] as const

const missing = missingPackages('lab')
const isRoot = process.getuid?.() === 0
// The namespace has no network for apt: this runs outside as well, before the file runs again inside.
const installer: Installer | { readonly why: string } =
  missing.length > 0
    ? { why: `missing: ${missing.join(' ')}` }
    : isRoot
      ? await debianInstaller(mkdtempSync(path.join(tmpdir(), 'centra-installer-')), isWhole)
      : { why: 'needs root' }
const skip = 'why' in installer && installer.why

inNetns(import.meta, () => {
  let machine: RunningMachine | undefined
  let server: Running
  const mirror = createServer((request, response) => {
    const root = 'folder' in installer ? installer.folder : ''
    const file = path.join(
      root,
      path.normalize(decodeURIComponent(request.url ?? '').replace(/^\/debian/, '')),
    )
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.isFile() !== true) return void response.writeHead(404).end()
    response.writeHead(200, { 'Content-Length': found.size })
    return void createReadStream(file).pipe(response)
  })

  before(async () => {
    if ('why' in installer) return
    await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
    await makeTap({ name: 'tap0', bridge: 'prov0' })
    assert.ok(answerRouterSolicitations('prov0').ok)
    mirror.listen(MIRROR_PORT, '10.77.0.1')
  })
  after(async () => {
    await machine?.stop()
    mirror.close()
    await endAll()
  })

  test('the Debian installer reads our preseed, asks before it writes, and goes on', {
    skip,
    timeout: (PATIENCE_S + 60) * 1000,
  }, async (context) => {
    assert.ok('folder' in installer)
    const config = '/run/centra-pxe.yaml'
    writeFileSync(config, configOf(installer))
    const state = ['--config', config, '--state-dir', '/run/state']
    server = startCentra('serve', ...state, '--log', 'json')
    await server.stderrMatch(/^ready .*$/m)
    const asked = await centra('node', 'install', MACHINE.name, ...state)
    assert.equal(asked.code, 0, asked.stderr)
    machine = await powerOn()
    const begun = Date.now()

    for (const wanted of isWhole ? [...TOLD, ...TOLD_AT_LAST] : TOLD) {
      const { kind, detail } = await told(server, wanted, begun)
      context.diagnostic(`${((Date.now() - begun) / 1000).toFixed(0)} s: ${String(detail['detail'])}`)
      assert.deepEqual([kind, detail['standing']], ['report', 'verified'])
    }
    const kinds = loggedEvents(server.stderr).map(({ kind }) => kind)
    const order = ['intent.opened', 'http.document', 'intent.redeemed'].map((kind) => kinds.indexOf(kind))
    assert.ok(!order.includes(-1), kinds.join(' '))
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    )
    const { stdout } = await centra('nodes', ...state)
    assert.match(stdout, isWhole ? /in-service/ : /initrd|fetched preseed/)
  })
})

function configOf({ kernel, initrd }: Installer): string {
  const preseed = path.join(import.meta.dirname, '../fixtures/installer/preseed.cfg')
  const fast = 'quiet nokaslr mitigations=off tsc=reliable audit=0 random.trust_cpu=on ipv6.disable=1'
  // JSON is YAML.
  return JSON.stringify({
    version: 1,
    networks: [
      {
        ...{ name: 'provisioning', interface: 'prov0', subnet: '10.77.0.0/24', address: '10.77.0.1' },
        ...{ dhcp: 'server', pool: '10.77.0.100-10.77.0.199', probe: false },
        // Without a name server the installer asks for one on the console.
        ...{ router: '10.77.0.1', dns: ['10.77.0.1'], domain: 'example.org' },
      },
    ],
    images: { 'debian-installer': { kernel, initrd, cmdline: `${fast} DEBIAN_FRONTEND=text TERM=dumb` } },
    documents: { debian: { kind: 'preseed', file: preseed } },
    profiles: { worker: { image: 'debian-installer', document: 'debian', install: 'installer' } },
    nodes: [{ name: MACHINE.name, mac: MACHINE.mac, profile: 'worker' }],
    console: ['ttyS0,115200'],
  })
}

async function powerOn(): Promise<RunningMachine> {
  const [mac, size] = [parseMac(MACHINE.mac), parseDiskSize('2G')]
  assert.ok(mac !== undefined && size !== undefined)
  const disk = `${MACHINE.folder}.qcow2`
  mkdirSync(path.dirname(disk), { recursive: true })
  await ensureDisk(disk, size)
  return startMachine({
    ...{ name: MACHINE.name, firmware: 'bios', nic: 'virtio', mac, tap: 'tap0', bootFirst: 'network' },
    ...{ memoryMib: 1024, acceleration: 'tcg', folder: MACHINE.folder },
    uuid: `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`,
    disk: { path: disk, format: 'qcow2' },
  })
}

/** The report that says this, its stage first. `begun`, as Date.now(): when the machine was started. */
async function told(server: Running, wanted: string, begun: number): Promise<LoggedEvent> {
  while (Date.now() - begun < PATIENCE_S * 1000) {
    const reports = loggedEvents(server.stderr).filter(({ kind }) => kind === 'report')
    const said = ({ detail }: LoggedEvent): string => `${String(detail['stage'])} ${String(detail['detail'])}`
    const found = reports.find((event) => said(event).startsWith(wanted))
    if (found !== undefined) return found
    const failed = reports.find(({ detail }) => detail['stage'] === 'failed')
    if (failed !== undefined) throw new Error(`the installer failed: ${String(failed.detail['detail'])}`)
    await sleep(1000)
  }
  const screen = readFileSync(path.join(MACHINE.folder, 'serial.log'), 'latin1').slice(-3000)
  throw new Error(`never told: ${wanted}; the serial console:\n${screen}\n${server.stderr.slice(-3000)}`)
}
