import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { printable } from '../lib/text.ts'

/** A sentence for the operator: who has the port, as far as it can be seen, and what to do. */
export function portTaken(protocol: 'udp' | 'tcp', port: number): string {
  const holder = portHolder(protocol, port)
  const who = holder === undefined ? '' : ` (${holder})`
  return `another program has this port${who}; stop it, or find it with \`ss -l${protocol[0]}np\``
}

/**
 * `dnsmasq, pid 812`: the process with a socket bound to the port, out of /proc. undefined when it is not to be seen:
 * another system than Linux, no right to look, or a process of another PID namespace.
 */
function portHolder(protocol: 'udp' | 'tcp', port: number): string | undefined {
  const inodes = new Set([protocol, `${protocol}6`].flatMap((file) => boundInodes(read(`net/${file}`), port)))
  if (inodes.size === 0) return undefined
  const pid = list('').find(
    (name) =>
      /^[0-9]+$/.test(name) && list(`${name}/fd`).some((fd) => inodes.has(target(`${name}/fd/${fd}`))),
  )
  return pid === undefined ? undefined : `${printable(read(`${pid}/comm`).trim(), 40)}, pid ${pid}`
}

/** Of /proc/net/udp or tcp: column 2 is the local address, 4 the state, 10 the inode (net/ipv4/udp.c, tcp_ipv4.c). */
export function boundInodes(text: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
    // 07: a UDP socket without a peer; 0A: a TCP socket that listens.
    return local.endsWith(suffix) && (state === '07' || state === '0A') ? [`socket:[${inode}]`] : []
  })
}

function read(name: string): string {
  return seen(() => readFileSync(`/proc/${name}`, 'utf8')) ?? ''
}

function list(name: string): readonly string[] {
  return seen(() => readdirSync(`/proc/${name}`)) ?? []
}

function target(name: string): string {
  return seen(() => readlinkSync(`/proc/${name}`)) ?? ''
}

/** Processes come and go, and not everybody may look. */
function seen<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
