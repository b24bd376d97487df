/**
 * Machines that all start within two seconds: `storm-client.ts '{"machines": ..., ...}'`, in a network namespace of their own.
 * Each speaks DHCP, TFTP and HTTP with the timers of EDK2 and iPXE, from its own address, until it has everything that its
 * script names. Prints one JSON line (`StormYield`).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { parseMac } from '../src/lib/mac.ts'
import { runIpxe } from './ipxe-script.ts'
import { DhcpHub } from './storm-dhcp.ts'
import { Connection } from './storm-http.ts'
import { readAsEdk2 } from './storm-tftp.ts'

export interface StormLoad {
  readonly machines: number
  /** The interface of the namespace; it gets every machine's address. */
  readonly interface: string
  /** Milliseconds within which all start. */
  readonly within: number
  /** Milliseconds after which whoever is not through has failed. */
  readonly limit: number
}

/** One machine: milliseconds from its start until it had its last file, or why not. */
export interface Booted {
  readonly ms?: number
  readonly failed?: string
  /** How often a page let it wait. */
  readonly queued: number
  readonly bytes: number
}

export interface StormYield {
  readonly machines: readonly Booted[]
  readonly offerMs: readonly number[]
  readonly dhcpRepeats: number
  readonly tftpRepeats: number
  readonly naks: number
  readonly duplicates: number
  readonly seconds: number
  /** Of this process: shares of one core, and of the time that its event loop was late. */
  readonly cpuSeconds: number
}

/** The machines' MAC addresses count up from here. */
export function stormMac(index: number): string {
  const hex = (0x02_57_00_00_00_00 + index).toString(16).padStart(12, '0')
  return (hex.match(/../g) ?? []).join(':')
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

if (import.meta.main) {
  const done = await storm(JSON.parse(process.argv[2] ?? ''))
  process.stdout.write(`${JSON.stringify(done)}\n`, () => process.exit(0))
}

async function storm(load: StormLoad): Promise<StormYield> {
  execFileSync('ip', ['route', 'replace', '255.255.255.255/32', 'dev', load.interface])
  const addresses = spawn('ip', ['-force', '-batch', '-'], { stdio: ['pipe', 'ignore', 'ignore'] })
  const hub = await DhcpHub.open()
  const tftp = { repeats: 0 }
  const cpu = process.cpuUsage()
  const begun = performance.now()
  const machines = await Promise.all(
    Array.from({ length: load.machines }, async (_, index) => {
      await sleep((index * load.within) / load.machines)
      return boot(index, { load, hub, tftp, addresses })
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  const { offerMs, repeats, naks, duplicates } = hub.counts
  return {
    ...{ machines, offerMs, dhcpRepeats: repeats, tftpRepeats: tftp.repeats, naks, duplicates },
    seconds: (performance.now() - begun) / 1000,
    cpuSeconds: (user + system) / 1e6,
  }
}

interface Site {
  readonly load: StormLoad
  readonly hub: DhcpHub
  readonly tftp: { repeats: number }
  /** `ip -batch`. */
  readonly addresses: ChildProcess
}

async function boot(index: number, site: Site): Promise<Booted> {
  const begun = performance.now()
  const state: Progress = { queued: 0, bytes: 0, connection: undefined }
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error('out of time')), site.load.limit).unref(),
  )
  try {
    await Promise.race([stages(index, site, state), late])
    return { ms: performance.now() - begun, queued: state.queued, bytes: state.bytes }
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error)
    return { failed, queued: state.queued, bytes: state.bytes }
  } finally {
    state.connection?.close()
  }
}

interface Progress {
  queued: number
  bytes: number
  connection: Connection | undefined
}

async function stages(index: number, { load, hub, tftp, addresses }: Site, state: Progress): Promise<void> {
  const mac = parseMac(stormMac(index))
  if (mac === undefined) throw new Error('no MAC')
  const rom = await hub.lease(mac, 'rom')
  addresses.stdin?.write(`address add ${rom.address}/32 dev ${load.interface}\n`)
  const loader = await readAsEdk2({ local: rom.address, server: rom.server, file: rom.file })
  tftp.repeats += loader.retries
  state.bytes += loader.bytes
  const ipxe = await hub.lease(mac, 'ipxe')
  if (ipxe.address !== rom.address) throw new Error(`iPXE got ${ipxe.address} after ${rom.address}`)
  const connection = new Connection(ipxe.address)
  state.connection = connection
  const fetchText = async (url: string): Promise<string> =>
    (await connection.get(new URL(url), true)).toString('latin1')
  const settings = {
    'netX/mac:hexhyp': mac.replaceAll(':', '-'),
    buildarch: 'x86_64',
    platform: 'efi',
    uuid: '',
  }
  const { end, queued } = await runIpxe(await fetchText(ipxe.file), settings, {
    chain: fetchText,
    load: async (url) => void (await connection.get(new URL(url), false)),
    wait: sleep,
  })
  state.queued = queued
  state.bytes += connection.received
  if (end !== 'boot') throw new Error('the script did not boot')
}
