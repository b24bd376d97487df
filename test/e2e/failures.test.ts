import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeBridge } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { MachineAtConsole } from '../helpers/machine-at-console.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { endAll, type Running, startCentra } from '../helpers/server.ts'

/**
 * What a person before a real iPXE sees when something is broken, and what the server says of it: a kernel file that is
 * gone, a server that is not at its address any more, an HTTP port that is dead, a machine that never comes.
 */
const missing = missingPackages('lab')
const options = { skip: missing.length > 0 && `missing: ${missing.join(' ')}`, timeout: 300_000 }
const FOLDER = '/run/site'
const CONFIG = join(FOLDER, 'centra-pxe.yaml')
const KERNEL = join(FOLDER, 'vmlinuz')
const SERVER = '10.77.0.1'
const SILENT = { mac: '52:54:00:77:0d:09', address: '10.77.0.50' } as const
/** Seconds until the server says that a machine never came, and some more. */
const SILENCE_S = 60

// The namespace has no network for apt: this runs outside as well, before the file runs again inside.
const payload = missing.length === 0 && process.getuid?.() === 0 ? await buildPayload() : undefined

inNetns(import.meta, () => {
  let server: Running
  let silent: MachineAtConsole
  const machines: MachineAtConsole[] = []
  /** The first saw the silent machine. */
  const servers: Running[] = []

  const powerOn = async (name: string, address: string): Promise<MachineAtConsole> => {
    const machine = await MachineAtConsole.powerOn({
      ...{ name, mac: address, bridge: 'prov0', firmware: 'bios', folder: '/run/machines' },
    })
    machines.push(machine)
    return machine
  }

  before(async () => {
    if (payload === undefined) return
    await makeBridge({ name: 'prov0', address: SERVER, prefix: 24 })
    assert.ok(answerRouterSolicitations('prov0').ok)
    mkdirSync(FOLDER, { recursive: true })
    copyFileSync(payload.kernel, KERNEL)
    writeFileSync(CONFIG, configOf(payload.initrd))
    server = await start()
    // It gets its address, sent as a frame, and nothing else: what goes to it by the routing table is lost.
    execFileSync('ip', ['route', 'add', 'blackhole', `${SILENT.address}/32`])
    silent = await powerOn('silent', SILENT.mac)
  })
  after(async () => {
    await Promise.all(machines.map((machine) => machine.powerOff()))
    await endAll()
  })

  test(
    'a kernel file that is gone: the screen says which, why and what to do, and the server knows',
    options,
    async () => {
      const mac = '52:54:00:77:0d:01'
      const machine = await powerOn('no-kernel', mac)
      await machine.sees('p. Power off')
      // The script is fetched, the file goes away, the script runs.
      await machine.types('s')
      await machine.sees('iPXE>')
      await machine.types(
        'imgfetch --name script http://10.77.0.1:8080/boot/${netX/mac:hexhyp}.ipxe?choice=worker\r',
      )
      await machine.sees('... ok')
      rmSync(KERNEL)
      await machine.types('imgexec script\r')
      await machine.sees('iPXE error 2d0c613b: https://ipxe.org/2d0c613b')
      await machine.sees('The boot failed: kernel')
      for (const line of [
        `http://${SERVER}:8080/images/payload/`,
        'Not found (HTTP 404). iPXE error 2d0c613b: https://ipxe.org/2d0c613b',
        'The server does not have that file.',
        't. Try again',
        's. iPXE shell',
        'l. Boot from the local disk',
      ])
        await machine.sees(line)
      const { detail } = await server.event('boot.failed', { mac, step: 'kernel', errno: '2d0c613b' })
      assert.match(
        String(detail['url']),
        /^http:\/\/10\.77\.0\.1:8080\/images\/payload\/[0-9a-f]{64}\/vmlinuz$/,
      )
      assert.equal(detail['error'], 'Not found (HTTP 404)')
      assert.equal(detail['standing'], undefined)

      // Trying again asks the server, which offers the profiles no more: their image is gone.
      await machine.types('t')
      await machine.sees('p. Power off')
      // Nobody presses a key: the local disk, of which this machine has none.
      await machine.sees('Centra PXE: local disk, the menu said so')
      assert.ok(payload !== undefined)
      copyFileSync(payload.kernel, KERNEL)
      await machine.powerOff()
    },
  )

  test(
    'a machine that gets its address and never comes: iPXE names the URL, the server names the machine',
    options,
    async () => {
      const [first] = servers
      assert.ok(first !== undefined)
      for (let tries = SILENCE_S * 10; tries > 0 && !/boot\.silent/.test(first.stderr); tries -= 1)
        await sleep(100)
      const { detail, address } = await first.event('boot.silent', { mac: SILENT.mac })
      assert.equal(address, SILENT.address)
      assert.equal(detail['fetch'], `http://${SERVER}:8080/boot.ipxe`)
      await silent.sees(`http://${SERVER}:8080/boot.ipxe`)
      await silent.sees('Connection timed out')
    },
  )

  test(
    'a dead HTTP port: the machine offers a way on by itself, and tells the server when it is back',
    options,
    async () => {
      const mac = '52:54:00:77:0d:02'
      const machine = await powerOn('dead-port', mac)
      await machine.sees('p. Power off')
      await server.stop()
      await machine.types('2')
      await machine.sees('Centra PXE: menu failed: http://10.77.0.1:8080/boot/')
      await offline(machine, '0f0a60')

      // Trying in vain changes nothing.
      await machine.types('t')
      await offline(machine, '0f0a60')
      server = await start()
      await machine.types('t')
      // What had been chosen goes on.
      await machine.sees('centra: in service as worker')
      const { detail } = await server.event('boot.failed', { mac, step: 'menu', late: true })
      assert.match(String(detail['errno']), /^0f0a60/)
      assert.equal(detail['url'], 'http://10.77.0.1:8080/boot/52-54-00-77-0d-02.ipxe?choice=worker')
      await machine.powerOff()
    },
  )

  test('a server that stalls: the machine gives up waiting and offers a way on', options, async () => {
    const mac = '52:54:00:77:0d:04'
    const machine = await powerOn('stalled', mac)
    await machine.sees('p. Power off')
    server.signal('SIGSTOP')
    await machine.types('2')
    await offline(machine, '4c07203')
    server.signal('SIGCONT')
    await machine.types('t')
    await machine.sees('centra: in service as worker')
    await server.event('boot.failed', { mac, step: 'menu', late: true })
    await machine.powerOff()
  })

  test('a server that is not at its address any more: as with a dead port', options, async () => {
    const mac = '52:54:00:77:0d:03'
    const machine = await powerOn('wrong-address', mac)
    await machine.sees('p. Power off')
    await server.stop()
    execFileSync('ip', ['address', 'del', `${SERVER}/24`, 'dev', 'prov0'])
    execFileSync('ip', ['address', 'add', '10.77.0.9/24', 'brd', '+', 'dev', 'prov0'])
    await machine.types('2')
    await machine.sees('Centra PXE: menu failed: http://10.77.0.1:8080/boot/')
    await offline(machine, '')

    execFileSync('ip', ['address', 'add', `${SERVER}/24`, 'brd', '+', 'dev', 'prov0'])
    server = await start()
    await machine.types('t')
    await machine.sees('centra: in service as worker')
    const { detail } = await server.event('boot.failed', { mac, step: 'menu', late: true })
    assert.notEqual(detail['error'], undefined)
    await machine.powerOff()
  })

  async function start(): Promise<Running> {
    const args = ['--config', CONFIG, '--state-dir', join(FOLDER, 'state'), '--log', 'json']
    const started = startCentra('serve', ...args)
    await started.stderrMatch(/^ready .*$/m)
    servers.push(started)
    return started
  }
})

/** The screen that needs no server; `error` is how the number of iPXE's error begins. */
async function offline(machine: MachineAtConsole, error: string): Promise<void> {
  await machine.sees('No answer from Centra PXE at 10.77.0.1 port 8080')
  await machine.sees('What failed: menu http://10.77.0.1:8080/boot/')
  await machine.sees(`iPXE error ${error}`)
  await machine.sees('The server cannot be told: iPXE error')
  for (const item of ['t. Try again', 's. iPXE shell', 'l. Boot from the local disk'])
    await machine.sees(item)
}

function configOf(initrd: string): string {
  // JSON is YAML.
  return JSON.stringify({
    version: 1,
    networks: [
      {
        ...{ name: 'provisioning', interface: 'prov0', subnet: '10.77.0.0/24', address: SERVER },
        ...{ dhcp: 'server', pool: '10.77.0.100-10.77.0.199' },
      },
    ],
    images: { payload: { kernel: KERNEL, initrd } },
    profiles: {
      'control-plane': { image: 'payload' },
      worker: { image: 'payload' },
      'all-in-one': { image: 'payload' },
    },
    nodes: [{ name: 'silent', mac: SILENT.mac, address: SILENT.address, profile: 'worker' }],
    menu: { timeout: '10s' },
  })
}
