import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ip } from '../../test/helpers/world.ts'
import { type Mac, macToBytes } from '../lib/mac.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { blankMessage, type DhcpMessage, type DhcpOption } from '../protocol/dhcp4/message.ts'
import type { MessageType } from '../protocol/dhcp4/message-types.ts'
import { ipv4ListValue, ipv4Value, messageTypeValue, textValue } from '../protocol/dhcp4/option-values.ts'
import { buildIpv4Udp } from '../protocol/frame/ipv4-udp.ts'
import { OPTION } from '../protocol/iana/options.ts'
import { readAnswer } from './heard-answer.ts'

const ASKED = { interface: 'eth1', xids: { plain: 0x22222222, pxe: 0x22222223 } }
const MAC = '52:54:00:00:00:09'
const SERVER = { code: OPTION.serverIdentifier, data: ipv4Value(ip('10.0.0.1')) }

function reply(
  type: MessageType | undefined,
  header: Partial<DhcpMessage>,
  options: readonly DhcpOption[] = [SERVER],
): Uint8Array {
  const typed = type === undefined ? [] : [{ code: OPTION.messageType, data: messageTypeValue(type) }]
  return encodeDhcp4({ ...blankMessage('reply'), ...header, options: [...typed, ...options] })
}

function field(text: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes.set(new TextEncoder().encode(text))
  return bytes
}

function heard(
  payload: Uint8Array,
  source = '10.0.0.1',
  destinationPort = 68,
): ReturnType<typeof readAnswer> {
  const parts = { source: ip(source), destination: ip('255.255.255.255'), sourcePort: 67, destinationPort }
  const packet = buildIpv4Udp({ ...parts, payload })
  return readAnswer(
    Uint8Array.from([...new Uint8Array(6), ...macToBytes(MAC as Mac), 0x08, 0x00, ...packet]),
    ASKED,
  )
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
    mac: MAC,
    asked: 'plain',
    kind: 'dhcp',
    offered: ip('10.0.0.50'),
    router: ip('10.0.0.2'),
    dns: [ip('9.9.9.9'), ip('1.1.1.1')],
  })
})

test('an offer without an address is a proxy', () => {
  const found = heard(reply('OFFER', { xid: 0x22222222 }))
  assert.deepEqual(found, {
    ...{ interface: 'eth1', address: ip('10.0.0.1'), mac: MAC },
    ...{ asked: 'plain', kind: 'proxy', dns: [] },
  })
})

test("somebody else's answer counts too, and offers us nothing", () => {
  const other = reply('ACK', { xid: 7, yiaddr: ip('192.168.1.77') })
  assert.deepEqual(heard(other, '192.168.1.1'), {
    interface: 'eth1',
    address: ip('10.0.0.1'),
    mac: MAC,
    kind: 'dhcp',
    dns: [],
  })
  assert.equal(heard(other, '192.168.1.1', 67), undefined, 'not on its way to a client')
})

test('O01: what an answer says about booting: siaddr, options 66 and 67 or sname and file, 60, and whether 43 is of PXE', () => {
  const bootOf = (header: Partial<DhcpMessage>, options: readonly DhcpOption[]): unknown =>
    heard(reply('OFFER', { xid: 0x22222223, yiaddr: ip('10.0.0.50'), ...header }, [SERVER, ...options]))?.boot
  const pxe = { code: OPTION.vendorClass, data: textValue('PXEClient') }
  assert.equal(bootOf({}, []), undefined)
  assert.deepEqual(
    bootOf({ siaddr: ip('10.0.0.7'), file: field('pxelinux.0', 128), sname: field('boot', 64) }, [pxe]),
    {
      nextServer: ip('10.0.0.7'),
      tftpServer: 'boot',
      bootFile: 'pxelinux.0',
      vendorClass: 'PXEClient',
    },
  )
  const options = [
    { code: OPTION.tftpServerName, data: textValue('10.0.0.8') },
    { code: OPTION.bootFileName, data: textValue('a\nb') },
  ]
  assert.deepEqual(bootOf({}, options), { tftpServer: '10.0.0.8', bootFile: 'a\\x0ab' }, 'printable')
  const other = { code: OPTION.vendorSpecificInformation, data: Uint8Array.of(1, 1, 7) }
  assert.deepEqual(bootOf({}, [pxe, other]), { vendorClass: 'PXEClient' }, 'option 43 of something else')
  for (const code of [6, 7, 8, 9, 10]) {
    const data = Uint8Array.of(code, 1, 8, 255)
    assert.deepEqual(bootOf({}, [pxe, { code: OPTION.vendorSpecificInformation, data }]), {
      vendorClass: 'PXEClient',
      hasPxeOptions: true,
    })
  }
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
