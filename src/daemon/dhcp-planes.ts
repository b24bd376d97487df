import { answerDhcp, dropDhcp } from '../app/answer-dhcp.ts'
import { BOOT_SERVER_PORT } from '../boot/decide-proxy.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { type DhcpServer, serveDhcp } from '../servers/dhcp.ts'
import { openPacketSender } from '../servers/packet-socket.ts'
import { openBatchedUdp } from '../servers/socket.ts'
import type { PlaneOptions } from './planes.ts'

const DHCP_PORT = 67

/** Port 67. */
export async function openDhcp(plane: PlaneOptions): Promise<DhcpServer> {
  return openDhcpPort(plane, DHCP_PORT)
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
      const reply = await answerDhcp(bytes, on(), running, { ...sender, port })
      return reply === undefined
        ? undefined
        : { bytes: encodeDhcp4(reply.message), destination: reply.destination }
    },
    onFault: (error) => onFault(`DHCP on ${name ?? formatIpv4(address)}`, error),
    onDrop: (reason) => dropDhcp(reason, on(), running),
  })
}
