import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'

/**
 * The lab's private world: network, mount and process namespaces of its own around one inner process.
 * The host's network is never touched; when the inner or the outer process ends, however it ends, the kernel
 * takes every process, bridge and tap of the world with it.
 */
export interface PrivateWorld {
  /** The inner process's exit code, not 0 when it was killed; resolves when nothing of the world is left. */
  readonly exited: Promise<number>
  /** Asks the inner process to end with SIGTERM; after `graceMs` (default 5000) everything is killed. */
  stop(graceMs?: number): Promise<number>
}

export interface WorldOptions {
  /** Default: stdin, stdout and stderr are ours. */
  readonly stdio?: StdioOptions
  readonly env?: NodeJS.ProcessEnv
}

const GRACE_MS = 5000
const EXIT_UNAVAILABLE = 69

/**
 * `setpriv --pdeathsig` kills unshare when we die, `--kill-child` the inner process when unshare dies, and
 * the kernel everything else when the inner process, PID 1 of its namespace, dies.
 */
const WORLD = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'],
  // The old /sys shows the host's interfaces; a new one shows the world's.
  ...['sh', '-c', 'mount -t sysfs sysfs /sys && exec "$@"', 'world'],
]

/**
 * Starts a command in a private world (root only). It has a session of its own, so a terminal's Ctrl-C reaches
 * the caller alone, who calls `stop`. The command is PID 1 there: signals without a handler do not end it.
 */
export function enterPrivateWorld(
  command: string,
  args: readonly string[],
  options: WorldOptions = {},
): PrivateWorld {
  const [program = '', ...before] = WORLD
  const child = spawn(program, [...before, command, ...args], {
    stdio: options.stdio ?? 'inherit',
    env: options.env ?? process.env,
    detached: true,
  })
  const exited = exitCodeOf(child)
  return { exited, stop: (graceMs = GRACE_MS) => stopWorld(child, exited, graceMs) }
}

/** Runs a command in a private world to its end; our SIGINT, SIGTERM and SIGHUP end it in order. Returns its exit code. */
export async function runInPrivateWorld(
  command: string,
  args: readonly string[],
  options: WorldOptions = {},
): Promise<number> {
  const world = enterPrivateWorld(command, args, options)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const onSignal = (): void => void world.stop()
  for (const signal of signals) process.on(signal, onSignal)
  try {
    return await world.exited
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

export interface Bridge {
  readonly name: string
  /** Dotted decimal. */
  readonly address: string
  /** Prefix length. */
  readonly prefix: number
  /** Tells the bridges of one world apart, 0 to 255; default 0. */
  readonly index?: number
}

const run = promisify(execFile)

/** To be called in a private world: a bridge with an address, up and with carrier before any machine is plugged in. */
export async function makeBridge({ name, address, prefix, index = 0 }: Bridge): Promise<void> {
  const switching = ['stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0']
  await ip('link', 'set', 'lo', 'up')
  // A fixed MAC: a bridge without one takes its lowest port's, and changes it under the clients' ARP caches.
  const mac = `02:00:00:00:${index.toString(16).padStart(2, '0')}:01`
  await ip('link', 'add', name, 'address', mac, 'type', 'bridge', ...switching)
  // Without duplicate address detection the link-local address answers at once.
  setIpv6(name, 'accept_dad', '0')
  await ip('address', 'add', `${address}/${prefix}`, 'brd', '+', 'dev', name)
  await ip('link', 'set', name, 'up')
  await addCarrier(name, index)
}

export interface Tap {
  readonly name: string
  readonly bridge: string
}

/** To be called in a private world: a tap, one machine's cable, plugged into the bridge. */
export async function makeTap({ name, bridge }: Tap): Promise<void> {
  await ip('tuntap', 'add', 'dev', name, 'mode', 'tap')
  setIpv6(name, 'disable_ipv6', '1')
  await ip('link', 'set', name, 'master', bridge, 'up')
}

/** A bridge has carrier while one of its ports has; half of a veth pair is a port that always has. */
async function addCarrier(bridge: string, index: number): Promise<void> {
  // No operator's bridge is named so.
  const [port, peer] = [`~carrier${index}a`, `~carrier${index}b`]
  await ip('link', 'add', port, 'type', 'veth', 'peer', 'name', peer)
  setIpv6(port, 'disable_ipv6', '1')
  setIpv6(peer, 'disable_ipv6', '1')
  // The peer hears every broadcast of the bridge, and would answer ARP for the bridge's own address with its own MAC
  // (Linux answers for any address of the host on any interface); replies would then arrive on the wrong interface.
  await ip('link', 'set', peer, 'arp', 'off', 'up')
  await ip('link', 'set', port, 'master', bridge, 'up')
}

async function ip(...args: readonly string[]): Promise<void> {
  await run('ip', args)
}

function setIpv6(name: string, key: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/net/ipv6/conf/${name}/${key}`, value)
  } catch {
    // A kernel without IPv6 has no such file, and nothing to set.
  }
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('error', () => resolve(EXIT_UNAVAILABLE))
    // unshare ends with 128 + signal when its child was killed.
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143)))
  })
}

async function stopWorld(child: ChildProcess, exited: Promise<number>, graceMs: number): Promise<number> {
  const inner = child.pid === undefined ? undefined : innerProcess(child.pid)
  if (inner !== undefined) signalQuietly(inner, 'SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  try {
    return await exited
  } finally {
    clearTimeout(timer)
  }
}

/** unshare does not pass signals on: its only child is the inner process, as we see it from outside. */
function innerProcess(unshare: number): number | undefined {
  try {
    const [pid] = readFileSync(`/proc/${unshare}/task/${unshare}/children`, 'utf8').split(' ')
    return pid === undefined || pid === '' ? undefined : Number(pid)
  } catch {
    return undefined
  }
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself meanwhile.
  }
}
