import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip } from '../../test/helpers/world.ts'
import type { Mac } from '../lib/mac.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { blankMessage, type DhcpMessage, type DhcpOption } from '../protocol/dhcp4/message.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'
import { ipv4ListValue, ipv4Value, messageTypeValue } from '../protocol/dhcp4/option-values.ts'
import { buildIpv4Udp } from '../protocol/frame/ipv4-udp.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { readAnswer } from './dhcp-probe.ts'

const ASKED = { interface: 'eth1', mac: '52:54:00:00:00:02' as Mac, xid: 0x22222222 }
const SERVER = { code: OPTION.serverIdentifier, data: ipv4Value(ip('10.0.0.1')) }

function reply(
  type: MessageType | undefined,
  header: Partial<DhcpMessage>,
  options: readonly DhcpOption[] = [SERVER],
): Uint8Array {
  const typed = type === undefined ? [] : [{ code: OPTION.messageType, data: messageTypeValue(type) }]
  return encodeDhcp4({ ...blankMessage('reply'), ...header, options: [...typed, ...options] })
}

function heard(
  payload: Uint8Array,
  source = '10.0.0.1',
  destinationPort = 68,
): ReturnType<typeof readAnswer> {
  const parts = { source: ip(source), destination: ip('255.255.255.255'), sourcePort: 67, destinationPort }
  const packet = buildIpv4Udp({ ...parts, payload })
  return readAnswer(Uint8Array.from([...new Uint8Array(12), 0x08, 0x00, ...packet]), ASKED)
}

test('an offer to us: told by its transaction, on whatever network its server is', () => {
  const options = [
    SERVER,
    { code: OPTION.router, data: ipv4ListValue([ip('10.0.0.2'), ip('10.0.0.3')]) },
    { code: OPTION.domainNameServer, data: ipv4ListValue([ip('9.9.9.9'), ip('1.1.1.1')]) },
  ]
  assert.deepEqual(heard(reply('OFFER', { xid: 0x22222222, yiaddr: ip('10.0.0.50') }, options)), {
    interface: 'eth1',
    address: ip('10.0.0.1'),
    kind: 'dhcp',
    offered: ip('10.0.0.50'),
    router: ip('10.0.0.2'),
    dns: [ip('9.9.9.9'), ip('1.1.1.1')],
  })
})

test('an offer without an address is a proxy', () => {
  const found = heard(reply('OFFER', { xid: 0x22222222 }))
  assert.deepEqual(found, { interface: 'eth1', address: ip('10.0.0.1'), kind: 'proxy', dns: [] })
})

test("somebody else's answer counts too, and offers us nothing", () => {
  const other = reply('ACK', { xid: 7, yiaddr: ip('192.168.1.77') })
  assert.deepEqual(heard(other, '192.168.1.1'), {
    interface: 'eth1',
    address: ip('10.0.0.1'),
    kind: 'dhcp',
    dns: [],
  })
  assert.equal(heard(other, '192.168.1.1', 67), undefined, 'not on its way to a client')
})

test('without option 54 the source is the server', () => {
  const found = heard(reply('OFFER', { xid: 0x22222222, yiaddr: ip('10.0.0.50') }, []), '10.0.0.9')
  assert.equal(found?.address, ip('10.0.0.9'))
})

test('requests, BOOTP, and what is no DHCP at all are nothing', () => {
  const typed = { code: OPTION.messageType, data: messageTypeValue('DISCOVER') }
  for (const options of [[], [typed], [typed, SERVER]])
    assert.equal(heard(encodeDhcp4({ ...blankMessage('request'), xid: 0x22222222, options })), undefined)
  assert.equal(heard(reply(undefined, { xid: 0x22222222 }, [])), undefined)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(299), fc.nat(255), (bytes, at, value) => {
      heard(bytes)
      readAnswer(bytes, ASKED)
      const bent = reply('OFFER', { xid: 0x22222222, yiaddr: ip('10.0.0.50') })
      bent[at] = value
      heard(bent)
    }),
    { seed: 20261123, numRuns: 2000 },
  )
})
