/** Other people's DHCP servers on 10.77.0.9 of the test's network: they give addresses .200 to .250 and nothing else. */
import { writeFileSync } from 'node:fs'
import { peerEnvironment } from './debian-peer.ts'
import type { Host } from './netns.ts'
import { Running } from './server.ts'

/** dnsmasq out of an unpacked package; its interface there is `them0`. */
export async function startDnsmasq(host: Host, tree: string): Promise<void> {
  const process = new Running(
    host.spawn('env', [
      ...[
        peerEnvironment(tree),
        `${tree}/usr/sbin/dnsmasq`,
        '--no-daemon',
        '--port=0',
        '--conf-file=/dev/null',
      ],
      ...['--user=root', '--log-dhcp', '--dhcp-authoritative', '--no-ping', '--interface=them0'],
      ...['--dhcp-range=10.77.0.200,10.77.0.250,1h', '--dhcp-leasefile=/run/dnsmasq.leases'],
    ]),
  )
  await process.stderrMatch(/sockets bound exclusively|DHCP, IP range/)
}

/** Kea, likewise. */
export async function startKea(host: Host, tree: string): Promise<void> {
  const config = {
    Dhcp4: {
      'interfaces-config': { interfaces: ['them0'] },
      'lease-database': { type: 'memfile', persist: false },
      subnet4: [{ id: 1, subnet: '10.77.0.0/24', pools: [{ pool: '10.77.0.200 - 10.77.0.250' }] }],
      loggers: [{ name: 'kea-dhcp4', severity: 'INFO', output_options: [{ output: 'stderr' }] }],
    },
  }
  writeFileSync('/run/kea.json', JSON.stringify(config))
  const folders = ['KEA_PIDFILE_DIR=/run', 'KEA_LOCKFILE_DIR=/run']
  const process = new Running(
    host.spawn('env', [
      peerEnvironment(tree),
      ...folders,
      `${tree}/usr/sbin/kea-dhcp4`,
      '-c',
      '/run/kea.json',
    ]),
  )
  await process.stderrMatch(/DHCP4_STARTED/)
}
