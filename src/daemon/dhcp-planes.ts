import { answerDhcp, dropDhcp } from '../app/answer-dhcp.ts'
import { BOOT_SERVER_PORT } from '../boot/decide-proxy.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { type ClosableProber, proberOn } from '../servers/address-prober.ts'
import { type DhcpServer, serveDhcp } from '../servers/dhcp.ts'
import { openIcmpWire } from '../servers/icmp-wire.ts'
import { macOf } from '../servers/interfaces.ts'
import { openArpWire, openPacketSender } from '../servers/packet-socket.ts'
import { isOwnProbe } from '../servers/server-listener.ts'
import { openBatchedUdp } from '../servers/socket.ts'
import type { PlaneOptions } from './planes.ts'

const DHCP_PORT = 67

/** Port 67, and what asks who has an address on its link. */
export async function openDhcp(plane: PlaneOptions): Promise<DhcpServer> {
  const { interface: name } = plane.on()
  const { pingChecks } = plane.running
  const server = await openDhcpPort(plane, DHCP_PORT)
  const mac = name === undefined ? undefined : macOf(name)
  if (name === undefined || mac === undefined) return server
  const wire = openArpWire(name, mac)
  if (wire === undefined) return server
  const prober = proberOn(wire)
  pingChecks.attach(name, prober)
  return {
    close: async () => {
      pingChecks.detach(name)
      prober.close()
      await server.close()
    },
  }
}

/** What asks who has an address behind a relay; its socket is opened by the first question. */
export function openRoutedProber(): ClosableProber {
  let prober: ClosableProber | undefined
  let isClosed = false
  return {
    probe: (address, asking) => {
      const wire = prober === undefined && !isClosed ? openIcmpWire() : undefined
      if (wire !== undefined) prober = proberOn(wire)
      return prober?.probe(address, asking) ?? Promise.resolve({ kind: 'unavailable' })
    },
    close: () => {
      isClosed = true
      prober?.close()
    },
  }
}

/** Port 4011, where PXE clients ask for their boot file once more. */
export async function openBootServer(plane: PlaneOptions): Promise<DhcpServer> {
  return openDhcpPort(plane, BOOT_SERVER_PORT)
}

async function openDhcpPort({ on, running, onFault }: PlaneOptions, port: number): Promise<DhcpServer> {
  const { interface: name, address } = on()
  // Only DHCP proper is broadcast, and not by relays; port 4011 is asked on our own address.
  const broadcast = port === DHCP_PORT && name !== undefined
  const bind = { address: broadcast ? '0.0.0.0' : formatIpv4(address), port, interface: name, broadcast }
  return serveDhcp({
    udp: await openBatchedUdp(bind),
    packets: broadcast ? openPacketSender(name) : undefined,
    source: address,
    onMessage: async (bytes, sender) => {
      if (isOwnProbe(bytes)) return undefined
      const reply = await answerDhcp(bytes, on(), running, { ...sender, port })
      return reply === undefined ? undefined : { ...reply, bytes: encodeDhcp4(reply.message) }
    },
    onFault: (error) => onFault(`DHCP on ${name ?? formatIpv4(address)}`, error),
    onDrop: (reason) => dropDhcp(reason, on(), running),
    onLost: (count) => running.counters.unanswered(on().network.name, 'kernel-buffer', count),
  })
}
