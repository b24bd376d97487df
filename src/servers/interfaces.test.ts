import assert from 'node:assert/strict'
import { endianness } from 'node:os'
import { test } from 'node:test'
import { formatIpv4, formatSubnet } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import {
  hasUdpPort,
  isNeighbour,
  lookAtHost,
  parseInterfaceNames,
  parseNeighbours,
  parseRoutes,
} from './interfaces.ts'

// Texts of Linux 6.1, by cat on machines of the lab.
const DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     840      10    0    0    0     0          0         0      840      10    0    0    0     0       0          0
  eth0: 1296137    3471    0    0    0     0          0         0   296137    2471    0    0    0     0       0          0
br-0a1b2c3d4e5f:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`
const ROUTE = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT                                                       
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0                                                                               
eth1\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0                                                                               
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0                                                                               
wg0\t0000060A\t00000000\t0001\t0\t0\t0\t0080FFFF\t0\t0\t0                                                                               
odd\t0000060A\t00000000\t0001\t0\t0\t0\t00FF00FF\t0\t0\t0                                                                               
`
const ARP = `IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         52:54:00:12:34:56     *        eth0
192.168.1.7      0x1         0x0         00:00:00:00:00:00     *        eth0
10.77.0.9        0x1         0x6         52:54:00:12:34:57     *        eth1
`
const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            
  114: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 15573 2 00000000c0ffee00 0         
 2113: 0100007F:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 15574 2 00000000c0ffee01 0         
`

test('names of interfaces', () => {
  assert.deepEqual(parseInterfaceNames(DEV), ['lo', 'eth0', 'br-0a1b2c3d4e5f'])
  assert.deepEqual(parseInterfaceNames(''), [])
})

test('routes', { skip: endianness() === 'LE' ? false : 'the text is of a little-endian machine' }, () => {
  const shown = parseRoutes(ROUTE).map(
    ({ device, subnet, gateway }) => `${device} ${formatSubnet(subnet)} ${formatIpv4(gateway)}`,
  )
  assert.deepEqual(shown, [
    'eth0 0.0.0.0/0 192.168.1.1',
    'eth1 10.77.0.0/24 0.0.0.0',
    'eth0 192.168.1.0/24 0.0.0.0',
    'wg0 10.6.0.0/17 0.0.0.0',
  ])
})

test('neighbours that answered', () => {
  assert.deepEqual(
    parseNeighbours(ARP).map(({ address, mac, device }) => `${formatIpv4(address)} ${mac} ${device}`),
    ['192.168.1.1 52:54:00:12:34:56 eth0', '10.77.0.9 52:54:00:12:34:57 eth1'],
  )
})

test('a card is a neighbour on its own link alone', () => {
  const [one] = parseNeighbours(ARP)
  assert.ok(one?.mac)
  assert.ok(isNeighbour(one.address, one.mac, one.device, ARP))
  assert.ok(!isNeighbour(one.address, one.mac, 'other0', ARP))
  assert.ok(!isNeighbour(one.address, '52:54:00:12:34:57' as Mac, one.device, ARP))
})

test('a port in use, on whatever address; not the port of a peer', () => {
  assert.ok(hasUdpPort(UDP, 67))
  assert.ok(hasUdpPort(UDP, 68))
  assert.ok(!hasUdpPort(UDP, 69))
  assert.ok(!hasUdpPort(UDP, 0))
})

test('this machine: interfaces that run have an address or none, and loopback is left out', () => {
  const { interfaces } = lookAtHost()
  assert.ok(interfaces.every(({ name }) => name !== 'lo'))
  for (const { subnets } of interfaces)
    for (const { subnet, address } of subnets)
      assert.ok(address === undefined || formatSubnet(subnet).includes('/'))
})
