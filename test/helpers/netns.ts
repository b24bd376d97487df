/**
 * Network tests on interfaces of their own. `inNetns(import.meta, (net) => { test(...) })` runs the test file again
 * inside private network, mount and PID namespaces and defines the tests there; their results reach the runner as
 * if nothing had happened. When the file ends, however it ends, the kernel removes every interface, namespace,
 * process and mount it made. Not root, or not allowed: one visible skip that says why.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'

export interface VethEnd {
  readonly name: string
  /** With prefix length: `10.1.0.1/24`. */
  readonly address?: string
  readonly mac?: string
  /** The namespace the end is in; the server's own by default. */
  readonly host?: Host
}

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Another machine on the test's network: a network namespace. */
export interface Host {
  readonly name: string
  /** Runs a command there to its end. */
  run(command: string, ...args: readonly string[]): CommandResult
  /** Starts a command there; it dies with the test file. */
  spawn(command: string, args: readonly string[]): ChildProcess
  /** Records what passes an interface, by tcpdump; undefined when tcpdump is not installed. */
  capture(interfaceName: string): Promise<Capture | undefined>
}

export interface Capture {
  /** The whole Ethernet frames seen until now, in order. */
  readonly frames: readonly Uint8Array[]
  /** The first frame, seen or still to come, that the predicate accepts. */
  waitFor(predicate: (frame: Uint8Array) => boolean): Promise<Uint8Array>
  stop(): Promise<void>
}

export interface PrivateNetwork extends Host {
  /** Makes another host, with its loopback up. */
  host(name: string): Host
  /** Lays a cable between two interfaces and brings both ends up. */
  veth(one: VethEnd, other: VethEnd): void
  /** Makes a switch out of the ends of cables, all in one place; the switch has the address itself. */
  bridge(name: string, ports: readonly string[], end?: Pick<VethEnd, 'address' | 'host'>): void
}

const INSIDE = 'CENTRA_TEST_INSIDE_NETNS'
const UNSHARE = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

/** `define` is called inside the namespaces only. */
export function inNetns(meta: ImportMeta, define: (net: PrivateNetwork) => void): void {
  if (process.env[INSIDE] === meta.filename) {
    define(enterNetwork())
    return
  }
  const refusal = whyNot()
  if (refusal === undefined) runAgainInside(meta.filename)
  else test(`needs private network namespaces`, { skip: refusal }, () => {})
}

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a Linux feature'
  if (process.getuid?.() !== 0) return 'making network interfaces needs root'
  const probe = spawnSync('unshare', [...UNSHARE, 'ip', 'link'], { encoding: 'utf8' })
  if (probe.error !== undefined) return `unshare does not start: ${probe.error.message}`
  return probe.status === 0 ? undefined : `unshare or ip is refused: ${probe.stderr.trim()}`
}

function runAgainInside(file: string): void {
  // stdin is a lifeline: it closes however this process ends, and then the inner process (PID 1 in there) ends too.
  // A failed test may leave sockets and captures open: the file ends with its last test all the same.
  const node = [process.execPath, ...process.execArgv, '--test-force-exit', file]
  const child = spawn('unshare', [...UNSHARE, ...node], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [INSIDE]: file },
  })
  child.once('error', (error) => {
    throw error
  })
  child.once('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1
  })
}

/** To be called in a private world (`src/lab/namespace.ts`) whose stdin stays open as long as it shall live. */
export function enterNetwork(): PrivateNetwork {
  process.stdin.once('end', () => process.exit(1)).resume()
  if ('unref' in process.stdin) process.stdin.unref()
  // `ip netns` keeps its names below /run: a private tmpfs there leaves the machine's own /run untouched.
  must('mount', '-t', 'tmpfs', 'tmpfs', '/run')
  mkdirSync('/run/netns')
  must('ip', 'link', 'set', 'lo', 'up')
  const own = makeHost('server', [])
  return { ...own, host: addHost, veth: addVeth, bridge: addBridge }
}

function addHost(name: string): Host {
  must('ip', 'netns', 'add', name)
  must('ip', '-n', name, 'link', 'set', 'lo', 'up')
  return makeHost(name, ['nsenter', `--net=/run/netns/${name}`, '--'])
}

function addVeth(one: VethEnd, other: VethEnd): void {
  must('ip', 'link', 'add', ...veth(one), 'type', 'veth', 'peer', ...veth(other))
  for (const end of [one, other]) {
    const ip = ['ip', ...inside(end)]
    if (end.address !== undefined) must(...ip, 'address', 'add', end.address, 'brd', '+', 'dev', end.name)
    must(...ip, 'link', 'set', 'dev', end.name, 'up')
  }
}

function addBridge(
  name: string,
  ports: readonly string[],
  { address, host }: Pick<VethEnd, 'address' | 'host'> = {},
): void {
  const ip = ['ip', ...inside({ name, ...(host === undefined ? {} : { host }) })]
  must(...ip, 'link', 'add', name, 'type', 'bridge')
  for (const port of ports) must(...ip, 'link', 'set', port, 'master', name)
  if (address !== undefined) must(...ip, 'address', 'add', address, 'brd', '+', 'dev', name)
  must(...ip, 'link', 'set', 'dev', name, 'up')
}

function veth(end: VethEnd): string[] {
  const mac = end.mac === undefined ? [] : ['address', end.mac]
  const netns = isElsewhere(end) ? ['netns', end.host.name] : []
  return ['name', end.name, ...mac, ...netns]
}

function inside(end: VethEnd): string[] {
  return isElsewhere(end) ? ['-n', end.host.name] : []
}

function isElsewhere(end: VethEnd): end is VethEnd & { readonly host: Host } {
  return end.host !== undefined && end.host.name !== 'server'
}

function makeHost(name: string, prefix: readonly string[]): Host {
  const start = (command: string, args: readonly string[]): ChildProcess => {
    const [program = command, ...rest] = [...prefix, command, ...args]
    return spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  }
  return {
    name,
    run(command, ...args) {
      const [program = command, ...rest] = [...prefix, command, ...args]
      const { status, stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' })
      return { code: status, stdout, stderr }
    },
    spawn: start,
    capture: async (interfaceName) => {
      if (spawnSync('tcpdump', ['--version']).error !== undefined) return undefined
      return startCapture(start('tcpdump', ['-i', interfaceName, '-U', '--immediate-mode', '-w', '-']))
    },
  }
}

const PCAP_HEADER = 24
const PCAP_RECORD_HEADER = 16

async function startCapture(tcpdump: ChildProcess): Promise<Capture> {
  const frames: Uint8Array[] = []
  const waiting = new Set<() => void>()
  let rest: Buffer = Buffer.alloc(0)
  let skip = PCAP_HEADER
  tcpdump.stdout?.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    if (skip > 0 && rest.length >= skip) {
      rest = rest.subarray(skip)
      skip = 0
    }
    while (skip === 0 && rest.length >= PCAP_RECORD_HEADER) {
      const end = PCAP_RECORD_HEADER + rest.readUInt32LE(8)
      if (rest.length < end) break
      frames.push(rest.subarray(PCAP_RECORD_HEADER, end))
      rest = rest.subarray(end)
    }
    for (const wake of waiting) wake()
  })
  await listening(tcpdump)
  return {
    frames,
    waitFor: (predicate) =>
      new Promise((resolve) => {
        const look = (): void => {
          const frame = frames.find(predicate)
          if (frame === undefined) return
          waiting.delete(look)
          resolve(frame)
        }
        waiting.add(look)
        look()
      }),
    async stop() {
      const closed = once(tcpdump, 'close')
      tcpdump.kill('SIGINT')
      await closed
    },
  }
}

function listening(tcpdump: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    tcpdump.stderr?.on('data', (chunk: Buffer) => {
      said += String(chunk)
      if (said.includes('listening on')) resolve()
    })
    tcpdump.once('exit', () => reject(new Error(`tcpdump did not start: ${said}`)))
  })
}

function must(...command: readonly string[]): void {
  const [program = '', ...args] = command
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
