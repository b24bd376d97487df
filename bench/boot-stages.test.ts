import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeDhcp4 } from '../src/protocol/dhcp4/encode.ts'
import { blankMessage } from '../src/protocol/dhcp4/message.ts'
import { buildIpv4Udp } from '../src/protocol/frame/ipv4-udp.ts'
import type { CapturedPacket } from '../src/protocol/pcap.ts'
import { ip, mac } from '../test/helpers/world.ts'
import { readStages, STAGES, type StageSeconds, totalSeconds } from './boot-stages.ts'

const MACHINE = mac('52:54:00:77:b0:01')
const OTHER = mac('52:54:00:77:b0:02')
const POWERED_ON = 1_000_000_000

function ethernet(source: string, packet: Uint8Array): Uint8Array {
  const header = Buffer.from(`0200000000${'01'}${source.replaceAll(':', '')}0800`, 'hex')
  return Buffer.concat([header, packet])
}

function discover(source: string, ipxe = false): Uint8Array {
  const options = [
    { code: 53, data: Uint8Array.of(1) },
    ...(ipxe ? [{ code: 175, data: Uint8Array.of(19, 1, 1) }] : []),
  ]
  const payload = encodeDhcp4({ ...blankMessage('request'), cookie: true, options })
  return udp(source, 67, payload)
}

function udp(source: string, destinationPort: number, payload: Uint8Array): Uint8Array {
  const parts = { source: ip('0.0.0.0'), destination: ip('255.255.255.255'), sourcePort: 68 }
  return ethernet(source, buildIpv4Udp({ ...parts, destinationPort, payload }))
}

/** Of the headers what is read: version and length, the protocol, the data offset. */
function tcp(source: string, text: string): Uint8Array {
  const [network, transport] = [Buffer.alloc(20), Buffer.alloc(32)]
  network[0] = 0x45
  network[9] = 6
  transport[12] = 0x80
  return ethernet(source, Buffer.concat([network, transport, Buffer.from(text)]))
}

/** Seconds after the power button, and the frame. */
function capture(...all: readonly (readonly [number, Uint8Array])[]): readonly CapturedPacket[] {
  return all.map(([seconds, bytes]) => ({
    ...{ timeMicros: POWERED_ON + seconds * 1e6, bytes, originalLength: bytes.length },
  }))
}

function stages(...seconds: readonly number[]): StageSeconds {
  return Object.fromEntries(STAGES.map((stage, i) => [stage, seconds[i] ?? 0])) as StageSeconds
}

const FROM_UEFI = [
  [1, discover(OTHER)],
  [2, discover(MACHINE)],
  [3, discover(MACHINE)],
  [6, udp(MACHINE, 69, Buffer.from('\x00\x01snponly.efi\x00octet\x00'))],
  [7, tcp(OTHER, 'GET /vmlinuz HTTP/1.1\r\n')],
  [8, discover(MACHINE, true)],
  [10, tcp(MACHINE, 'GET /boot.ipxe HTTP/1.1\r\n')],
  [11, tcp(MACHINE, 'GET /images/a/vmlinuz HTTP/1.1\r\n')],
  [12, tcp(MACHINE, 'GET /images/a/initrd.img HTTP/1.1\r\n')],
  [14, tcp(MACHINE, '')],
  [20, discover(MACHINE)],
  [21, tcp(MACHINE, '{"stage":"initrd"}')],
  [22, tcp(MACHINE, 'POST /v1/report/x HTTP/1.1\r\n\r\n{"stage":"in-service"}')],
] as const

const WHOSE = { mac: MACHINE, poweredOn: POWERED_ON }

test('a UEFI machine by PXE: every stage', () => {
  const read = readStages(capture(...FROM_UEFI), WHOSE)
  assert.deepEqual(read, stages(2, 4, 2, 2, 1, 3, 6, 2))
  assert.equal(totalSeconds(read ?? assert.fail()), 22)
})

test('a card whose ROM is iPXE has no loader', () => {
  const read = readStages(capture([2, discover(MACHINE, true)], ...FROM_UEFI.slice(6)), WHOSE)
  assert.deepEqual(read, stages(2, 0, 0, 8, 1, 3, 6, 2))
})

test('a boot without one of the marks is none', () => {
  for (const without of [5, 6, 7, 10, 12])
    assert.equal(
      readStages(capture(...FROM_UEFI.filter((_, i) => i !== without)), WHOSE)?.['script'],
      without === 6 ? 0 : undefined,
    )
})
