import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeBridge } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { MachineAtConsole, type MachineOptions } from '../helpers/machine-at-console.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { centra, endAll, loggedEvents, type Running, startCentra } from '../helpers/server.ts'

/** Machines that boot once by command, with a real iPXE: the kernel comes last and uses the command up; then the disk. */
const missing = missingPackages('lab')
const options = { skip: missing.length > 0 && `missing: ${missing.join(' ')}`, timeout: 400_000 }
const FOLDER = '/run/site'
const CONFIG = join(FOLDER, 'centra-pxe.yaml')
const SERVER = '10.77.0.1'
const MACHINES = [
  { name: 'bios01', mac: '52:54:00:77:1e:01', firmware: 'bios' },
  { name: 'uefi01', mac: '52:54:00:77:1e:02', firmware: 'uefi' },
] as const

// The namespace has no network for apt: this runs outside as well, before the file runs again inside.
const payload = missing.length === 0 && process.getuid?.() === 0 ? await buildPayload() : undefined

inNetns(import.meta, () => {
  let server: Running
  const machines: MachineAtConsole[] = []

  before(async () => {
    if (payload === undefined) return
    await makeBridge({ name: 'prov0', address: SERVER, prefix: 24 })
    assert.ok(answerRouterSolicitations('prov0').ok)
    mkdirSync(FOLDER, { recursive: true })
    copyFileSync(payload.kernel, join(FOLDER, 'vmlinuz'))
    copyFileSync(payload.initrd, join(FOLDER, 'initrd.img'))
    writeFileSync(CONFIG, configuration())
    server = startCentra('serve', '--config', CONFIG, '--log', 'json')
    await server.stderrMatch(/^ready .*$/m)
  })
  after(async () => {
    await Promise.all(machines.map((machine) => machine.powerOff()))
    await endAll()
  })

  const node = async (what: string, name: string): Promise<string> => {
    const { code, stdout, stderr } = await centra('node', what, name, '--config', CONFIG)
    assert.equal(code, 0, stderr)
    return stdout
  }

  for (const { name, mac, firmware } of MACHINES)
    describe(name, () => {
      test('node install: one boot of the installer, and then the disk', options, async () => {
        await node('install', name)
        const from = server.stderr.length
        const first = await powerOn({ name, mac, firmware })
        await server.event('report', { node: name, stage: 'in-service', standing: 'verified' }, from, 180_000)
        await first.powerOff()
        const loaded = loggedEvents(server.stderr.slice(from)).filter(
          (event) => event.kind === 'http.start' && event['node'] === name,
        )
        assert.deepEqual(
          loaded.map(({ detail }) => detail['file']),
          ['initrd.img', 'vmlinuz'],
        )
        const again = server.stderr.length
        const second = await powerOn({ name, mac, firmware })
        await second.sees('local disk, its install was begun')
        await server.event('http.script', { node: name, script: 'local-disk' }, again)
        await second.powerOff()
        const what = (await node('history', name))
          .trimEnd()
          .split('\n')
          .slice(1)
          .map((row) => row.split(/ +/)[2])
        assert.deepEqual(what, ['asked', 'opened', 'loading', 'started', 'redeemed', 'report', 'done'])
        assert.doesNotMatch(server.stderr, /centra\.nonce=[0-9a-f]{32}|attempt\/[0-9a-f]{32}/)
      })
    })

  let count = 0
  const powerOn = async (
    one: Pick<MachineOptions, 'name' | 'mac' | 'firmware'>,
  ): Promise<MachineAtConsole> => {
    count += 1
    const machine = await MachineAtConsole.powerOn({
      ...{ ...one, bridge: 'prov0', folder: `/run/machines${count}` },
    })
    machines.push(machine)
    return machine
  }
})

function configuration(): string {
  const nodes = MACHINES.map(
    ({ name, mac }, i) =>
      `  - { name: ${name}, mac: "${mac}", address: 10.77.0.${11 + i}, profile: worker, install: installer }\n`,
  )
  return `version: 1
server:
  stateDir: ./state
networks:
  - { name: lab, interface: prov0, subnet: 10.77.0.0/24, dhcp: server, pool: 10.77.0.100-10.77.0.199, probe: false }
images:
  payload: { kernel: ./vmlinuz, initrd: ./initrd.img }
profiles:
  worker: { image: payload }
  installer: { image: payload, install: kernel }
nodes:
${nodes.join('')}`
}
