/** Other people's DHCP servers on the test's network, run from the trees of `debian-peer.ts`. */
import { writeFileSync } from 'node:fs'
import { peerEnvironment } from './debian-peer.ts'
import type { Host } from './netns.ts'
import { Running } from './server.ts'

/** Their interface: with an address of 10.77.0.0/24, of which they give out 200 to 250. */
export const THEIR_INTERFACE = 'them0'

export async function startDnsmasq(
  host: Host,
  tree: string,
  flags: readonly string[] = ['--no-ping'],
): Promise<Running> {
  const own = ['--no-daemon', '--port=0', '--conf-file=/dev/null', '--user=root', '--log-dhcp']
  const pool = ['--dhcp-range=10.77.0.200,10.77.0.250,1h', '--dhcp-leasefile=/run/dnsmasq.leases']
  const more = ['--dhcp-authoritative', `--interface=${THEIR_INTERFACE}`, ...pool, ...flags]
  const process = new Running(
    host.spawn('env', [peerEnvironment(tree), `${tree}/usr/sbin/dnsmasq`, ...own, ...more]),
  )
  await process.stderrMatch(/sockets bound exclusively|DHCP, IP range/)
  return process
}

/** `options`: as Kea's `option-data`. */
export async function startKea(
  host: Host,
  tree: string,
  options: readonly Readonly<Record<string, unknown>>[] = [],
): Promise<Running> {
  const config = {
    Dhcp4: {
      'interfaces-config': { interfaces: [THEIR_INTERFACE] },
      'lease-database': { type: 'memfile', persist: false },
      'option-data': options,
      subnet4: [{ id: 1, subnet: '10.77.0.0/24', pools: [{ pool: '10.77.0.200 - 10.77.0.250' }] }],
      loggers: [{ name: 'kea-dhcp4', severity: 'INFO', output_options: [{ output: 'stderr' }] }],
    },
  }
  writeFileSync('/run/kea.json', JSON.stringify(config))
  const folders = ['KEA_PIDFILE_DIR=/run', 'KEA_LOCKFILE_DIR=/run']
  const program = `${tree}/usr/sbin/kea-dhcp4`
  const process = new Running(
    host.spawn('env', [peerEnvironment(tree), ...folders, program, '-c', '/run/kea.json']),
  )
  await process.stderrMatch(/DHCP4_STARTED/)
  return process
}

/** It pings an address for a second before it offers it. `lines`: of the subnet. */
export async function startDhcpd(host: Host, tree: string, lines = ''): Promise<Running> {
  const subnet = `subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.200 10.77.0.250; ${lines} }`
  writeFileSync('/run/dhcpd.conf', `authoritative;\n${subnet}\n`)
  writeFileSync('/run/dhcpd.leases', '')
  const files = ['-cf', '/run/dhcpd.conf', '-lf', '/run/dhcpd.leases', '--no-pid']
  const program = `${tree}/usr/sbin/dhcpd`
  const process = new Running(
    host.spawn('env', [peerEnvironment(tree), program, '-4', '-f', '-d', ...files, THEIR_INTERFACE]),
  )
  await process.stderrMatch(/Server starting service|Sending on +Socket/)
  return process
}
