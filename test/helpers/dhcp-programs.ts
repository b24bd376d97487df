/** Real DHCP clients on a host of the test's network: dhclient, udhcpc, dhcpcd and systemd-networkd. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { peerEnvironment } from './debian-peer.ts'
import type { Host } from './netns.ts'
import { eventually, Running } from './server.ts'

/** What systemd itself runs; without a bus and without udev it works as well. */
export const NETWORKD = '/lib/systemd/systemd-networkd'

/**
 * What the clients call with each change: it sets the address, and writes down what happened. dhclient has no look of its
 * own at who has the address: it declines when this fails.
 */
const APPLY = `#!/bin/sh
case $1 in "") what=$reason; address=$new_ip_address;; *) what=$1; address=$ip;; esac
case $what in
  BOUND|REBOOT) busybox arping -D -q -f -c 2 -w 2 -I "$interface" "$address" || exit 1;;
esac
case $what in
  PREINIT|deconfig) ip link set dev "$interface" up;;
  BOUND|RENEW|REBIND|REBOOT|bound|renew) ip address replace "$address/24" dev "$interface";;
  RELEASE) ip address flush dev "$interface";;
esac
`

/** It would wait ten seconds before it asks again, and so miss T2 of a short lease. */
const DHCLIENT_CONF = '/run/dhclient.conf'
const DHCLIENT_ASKS = 'initial-interval 1; backoff-cutoff 1; reboot 5;\n'

/** One network card with one client at a time. Its files are below `/run`, which is the test's own. */
export class DhcpHost {
  readonly #host: Host
  readonly #interface: string
  readonly #apply: string
  readonly #applied: string

  constructor(host: Host, interfaceName: string) {
    this.#host = host
    this.#interface = interfaceName
    this.#apply = `/run/apply-${host.name}`
    this.#applied = `/run/applied-${host.name}`
    writeFileSync(DHCLIENT_CONF, DHCLIENT_ASKS)
    writeFileSync(this.#apply, `${APPLY}echo "$what $address" >> ${this.#applied}\n`, { mode: 0o755 })
  }

  /** Another machine: this MAC, and no address. */
  become(mac: string): void {
    this.forgetAddress()
    for (const change of [['down'], ['address', mac], ['up']])
      this.#must('ip', 'link', 'set', this.#interface, ...change)
  }

  forgetAddress(): void {
    this.#must('ip', 'addr', 'flush', 'dev', this.#interface)
  }

  dhclient(): Running {
    return this.#start('dhclient', ['-4', '-d', ...this.#dhclientArguments()])
  }

  /** Gives its lease back and ends. */
  dhclientRelease(): void {
    this.#must('dhclient', '-4', '-r', ...this.#dhclientArguments())
  }

  udhcpc(...more: readonly string[]): Running {
    const files = ['-s', this.#apply, '-p', `/run/udhcpc-${this.#host.name}.pid`]
    return this.#start('busybox', [
      ...['udhcpc', '-f', '-i', this.#interface, '-t', '20', '-T', '1'],
      ...files,
      ...more,
    ])
  }

  /** From an unpacked package. It identifies itself by a DUID, and defends its address by ARP. SIGALRM releases. */
  dhcpcd(tree: string, ...more: readonly string[]): Running {
    const state = '/var/lib/dhcpcd'
    // The mount is the test's own as well.
    if (!existsSync(state)) {
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/var/lib'])
      mkdirSync(state)
    }
    mkdirSync('/run/dhcpcd', { recursive: true })
    const program = `${tree}/usr/sbin/dhcpcd`
    const files = ['-f', '/dev/null', '-c', this.#apply]
    const args = ['-4', '-B', '-d', '--duid', ...files, ...more, this.#interface]
    return this.#start('env', [peerEnvironment(tree), program, ...args])
  }

  /** systemd's client identifies itself by a DUID too. It releases when it ends. */
  networkd(): Running {
    mkdirSync('/run/systemd/network', { recursive: true })
    writeFileSync(
      `/run/systemd/network/10-${this.#interface}.network`,
      `[Match]\nName=${this.#interface}\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\nHostname=client\nDUIDType=link-layer\n`,
    )
    // The names of /sys are those of the network namespace it was mounted in; read-only means no udev to wait for.
    const script = `mount -t sysfs -o ro sysfs /sys && SYSTEMD_LOG_LEVEL=debug exec ${NETWORKD}`
    return this.#start('unshare', ['--mount', 'sh', '-c', script])
  }

  /** The first match among what the clients applied since the last one started: `BOUND 10.77.0.100`. */
  applied(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(`${pattern} on ${this.#host.name}`, () => pattern.exec(this.#said()) ?? undefined)
  }

  #said(): string {
    return existsSync(this.#applied) ? readFileSync(this.#applied, 'utf8') : ''
  }

  #dhclientArguments(): readonly string[] {
    const { name } = this.#host
    const files = ['-lf', `/run/dhclient-${name}.leases`, '-pf', `/run/dhclient-${name}.pid`]
    return ['-cf', DHCLIENT_CONF, '-sf', this.#apply, ...files, this.#interface]
  }

  #start(program: string, args: readonly string[]): Running {
    writeFileSync(this.#applied, '')
    return new Running(this.#host.spawn(program, args))
  }

  #must(program: string, ...args: readonly string[]): void {
    const { code, stderr } = this.#host.run(program, ...args)
    assert.equal(code, 0, `${program} ${args.join(' ')}: ${stderr}`)
  }
}

/** ISC's relay on a host whose `up0` leads to the server, out of an unpacked package; it adds option 82. */
export async function startDhcrelay(
  host: Host,
  tree: string,
  { downs, server }: { readonly downs: readonly string[]; readonly server: string },
): Promise<Running> {
  const relaying = new Running(
    host.spawn('env', [
      peerEnvironment(tree),
      `${tree}/usr/sbin/dhcrelay`,
      ...['-4', '-d', '-a', ...downs.flatMap((name) => ['-id', name]), '-iu', 'up0', server],
    ]),
  )
  await relaying.stderrMatch(/Sending on/)
  return relaying
}
