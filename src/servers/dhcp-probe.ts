import { setTimeout as sleep } from 'node:timers/promises'
import type { HeardServer, Hearing } from '../model/host.ts'
import { nativeSockets } from './packet-socket.ts'
import { openServerListener, type ServerListener } from './server-listener.ts'

/** When the DISCOVERs leave, in milliseconds: the first may be lost while a switch port wakes up. */
const SEND_AT_MS: readonly number[] = [0, 1500]
const LOOK_EVERY_MS = 50
/** dnsmasq pings an address for 3 s before it offers it (src/dnsmasq.h, PING_WAIT); ISC dhcpd for 1 s. */
export const LISTEN_SECONDS = 5

/** Asks for DHCP servers on these interfaces, which are up and running, and listens. Needs root or CAP_NET_RAW. */
export async function hearDhcpServers(interfaces: readonly string[]): Promise<Hearing> {
  const native = nativeSockets()
  if (native.reason !== undefined) return { kind: 'not-listened', why: native.reason }
  const listeners: ServerListener[] = []
  try {
    for (const name of interfaces) {
      const listener = openServerListener(name)
      if (listener === undefined)
        return { kind: 'not-listened', why: `packets on ${name} need root or CAP_NET_RAW` }
      listeners.push(listener)
    }
    return { kind: 'listened', interfaces, seconds: LISTEN_SECONDS, servers: await askAll(listeners) }
  } finally {
    for (const listener of listeners) listener.close()
  }
}

async function askAll(listeners: readonly ServerListener[]): Promise<readonly HeardServer[]> {
  const servers = new Map<string, HeardServer>()
  for (let now = 0; now <= LISTEN_SECONDS * 1000; now += LOOK_EVERY_MS) {
    if (SEND_AT_MS.includes(now)) for (const listener of listeners) listener.ask()
    for (const listener of listeners)
      for (const heard of listener.hear()) {
        const key = `${heard.interface} ${heard.address} ${heard.kind}`
        servers.set(key, joined(servers.get(key), heard))
      }
    await sleep(LOOK_EVERY_MS)
  }
  return [...servers.values()]
}

/** What it offered us stays known when it answers somebody else afterwards, and what it told one client beside another. */
function joined(before: HeardServer | undefined, heard: HeardServer): HeardServer {
  const boot = { ...before?.boot, ...heard.boot }
  return { ...before, ...heard, ...(Object.keys(boot).length === 0 ? {} : { boot }) }
}
