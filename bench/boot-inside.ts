/** The part of the benchmark that runs in the private world: `boot-inside.ts PLAN`, a file written by `boot.ts`. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCapture } from '../src/lab/capture.ts'
import { makeBridge, makeTap } from '../src/lab/namespace.ts'
import { startMachine } from '../src/lab/qemu.ts'
import { parseMac } from '../src/lib/mac.ts'
import { readPcap } from '../src/protocol/pcap.ts'
import {
  BOOT_SERVERS,
  type BootRun,
  type BootServerName,
  bootGoals,
  bootTable,
  type Firmware,
} from './boot-report.ts'
import { readStages, type StageSeconds, totalSeconds } from './boot-stages.ts'
import { fillTemplate } from './lan.ts'
import { describeMachine, loadNow } from './machine.ts'
import type { Program } from './peers.ts'
import { stop } from './process-tree.ts'

export interface BootPlan {
  readonly work: string
  readonly centra: Program
  readonly dnsmasq: Program
  readonly nginx: Program
  readonly payload: { readonly kernel: string; readonly initrd: string }
  readonly firmwares: readonly Firmware[]
  readonly pairs: number
  readonly json?: string
}

const BRIDGE = 'prov0'
const MACHINE = parseMac('52:54:00:77:b0:01') ?? fail('no MAC address')
/** The lab's, for the kernel: without what takes an emulated machine long and tells nothing. */
const CMDLINE = 'quiet nokaslr mitigations=off tsc=reliable audit=0 random.trust_cpu=on console=ttyS0,115200'
/** Of every packet enough is kept for DHCP, and for the first line of a request. */
const SNAP_OCTETS = 700
const START_LIMIT_MS = 60_000
const BOOT_LIMIT_MS = 240_000
const LOOK_MS = 50
const say = (line: string): void => void process.stderr.write(`${line}\n`)

process.once('SIGTERM', () => process.exit(143))
const plan: BootPlan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
await makeBridge({ name: BRIDGE, address: '10.77.0.1', prefix: 24 })
await makeTap({ name: 'tap0', bridge: BRIDGE })
const before = loadNow()
const runs: BootRun[] = []
for (const firmware of plan.firmwares)
  for (let pair = 1; pair <= plan.pairs; pair += 1)
    // Each goes first as often as the others.
    for (const i of BOOT_SERVERS.keys()) {
      const server = BOOT_SERVERS[(i + pair) % BOOT_SERVERS.length] ?? fail('no server')
      const stages = await measure(server, firmware)
      runs.push({ server, firmware, pair, stages })
      say(`${firmware} ${pair}/${plan.pairs} ${server}: ${totalSeconds(stages).toFixed(2)} s`)
    }
report()
process.exit(0)

/** A server started anew, and a machine from its power button to "in service". */
async function measure(server: BootServerName, firmware: Firmware): Promise<StageSeconds> {
  const dir = join(plan.work, 'run')
  rmSync(dir, { recursive: true, force: true })
  for (const folder of ['files', 'temp', 'machine']) mkdirSync(join(dir, folder), { recursive: true })
  const processes = start(server, dir)
  const pcap = join(dir, 'boot.pcap')
  try {
    await listening(processes, dir)
    const capture = (await startCapture(BRIDGE, pcap, SNAP_OCTETS)) ?? fail('there is no tcpdump')
    const poweredOn = Date.now() * 1000
    const machine = startMachine({
      ...{ name: 'node01', firmware, nic: 'virtio', mac: MACHINE, tap: 'tap0', folder: join(dir, 'machine') },
      ...{ uuid: '00000000-0000-4000-8000-52540077b001', memoryMib: 512, acceleration: 'tcg' },
      ...(firmware === 'uefi' ? { uefiBoots: 'ipv4' } : {}),
    })
    await inService(machine.files.serialLog)
    await machine.stop()
    await capture.stop()
    const read = readPcap(readFileSync(pcap))
    if (!read.ok) return fail(`the capture cannot be read: ${read.error.code}`)
    return (
      readStages(read.value.packets, { mac: MACHINE, poweredOn }) ?? fail('the capture is not a whole boot')
    )
  } finally {
    await stop(processes)
  }
}

function start(server: BootServerName, dir: string): readonly ChildProcess[] {
  const { kernel, initrd } = plan.payload
  const marks = {
    ...{ DIR: dir, INTERFACE: BRIDGE, MAC: MACHINE, KERNEL: kernel, INITRD: initrd, CMDLINE },
    ...{ LOADER: 'snponly.efi', QUIET: String(server.includes('quietRouter')) },
  }
  const written = (name: string, as = name): string => {
    const file = join(dir, as)
    writeFileSync(file, fillTemplate(readFileSync(join(import.meta.dirname, 'peers', name), 'utf8'), marks))
    return file
  }
  const log = openSync(join(dir, 'output'), 'a')
  const run = ({ path, env }: Program, args: readonly string[]): ChildProcess =>
    spawn(path, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } })
  if (server !== 'dnsmasq + nginx')
    return [run(plan.centra, ['serve', '--config', written('boot-centra-pxe.conf')])]
  copyFileSync(kernel, join(dir, 'files/vmlinuz'))
  copyFileSync(initrd, join(dir, 'files/initrd.img'))
  written('boot.ipxe', 'files/boot.ipxe')
  const dnsmasq = ['--keep-in-foreground', `--conf-file=${written('boot-dnsmasq.conf')}`, '--pid-file=']
  return [
    run(plan.dnsmasq, [...dnsmasq, `--log-facility=${join(dir, 'log')}`]),
    run(plan.nginx, ['-c', written('boot-nginx.conf'), '-e', join(dir, 'nginx.log')]),
  ]
}

async function inService(serialLog: string): Promise<void> {
  const limit = performance.now() + BOOT_LIMIT_MS
  for (;;) {
    const said = existsSync(serialLog) ? readFileSync(serialLog, 'latin1') : ''
    if (/in service as /.test(said)) return
    if (performance.now() > limit) fail(`the machine does not boot: ${said.slice(-2000)}`)
    await sleep(LOOK_MS)
  }
}

/** Until the sockets of DHCP, TFTP and HTTP are open. */
async function listening(processes: readonly ChildProcess[], dir: string): Promise<void> {
  const limit = performance.now() + START_LIMIT_MS
  for (;;) {
    const sockets = execFileSync('ss', ['-Hlnut'], { encoding: 'utf8' })
    if ([':67 ', ':69 ', ':8080 '].every((port) => sockets.includes(port))) return
    const ended = processes.some(({ exitCode }) => exitCode !== null)
    if (ended || performance.now() > limit)
      fail(`a server does not start: ${readFileSync(join(dir, 'output'), 'utf8').slice(-2000)}`)
    await sleep(LOOK_MS)
  }
}

function report(): void {
  const { cpu, cores, memoryGiB, kernel } = describeMachine(plan.work)
  const { centra, dnsmasq, nginx } = plan
  const lines = [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}; load average ${before} before, ${loadNow()} after.`,
    `${centra.version}; ${dnsmasq.version}; ${nginx.version}. Machines: QEMU without virtualisation.`,
    'Configurations: bench/peers/boot-centra-pxe.conf, boot-dnsmasq.conf, boot-nginx.conf, boot.ipxe. Seconds, medians.',
    ...plan.firmwares.flatMap((firmware) => ['', bootTable(runs, firmware)]),
    '',
    ...bootGoals(runs),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  if (plan.json !== undefined) writeFileSync(plan.json, `${JSON.stringify(runs, undefined, 2)}\n`)
}

function fail(why: string): never {
  throw new Error(why)
}
