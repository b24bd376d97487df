import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mac } from '../lib/mac.ts'
import type { BootEvent } from '../model/event.ts'
import { BootingMachines } from './booting.ts'

const MAC = '52:54:00:77:00:01' as Mac
const NOW = 1_000_000

const ROWS: readonly (readonly [
  name: string,
  event: Partial<BootEvent>,
  after: number,
  expected: boolean,
])[] = [
  ['a card that was offered an address', { kind: 'dhcp.offer', detail: { stage: 'rom' } }, 100, true],
  ['an iPXE that has one', { kind: 'dhcp.ack', detail: { stage: 'ipxe' } }, 59_000, true],
  ['a minute later', { kind: 'dhcp.ack', detail: { stage: 'ipxe' } }, 60_000, false],
  ['an operating system', { kind: 'dhcp.ack', detail: { stage: 'os' } }, 100, false],
  ['a question without an answer', { kind: 'dhcp.discover', detail: { stage: 'rom' } }, 100, false],
  ['on another network', { kind: 'dhcp.ack', network: 'other', detail: { stage: 'rom' } }, 100, false],
  [
    'another machine',
    { kind: 'dhcp.ack', mac: '52:54:00:77:00:02' as Mac, detail: { stage: 'rom' } },
    1,
    false,
  ],
]

for (const [name, event, after, expected] of ROWS)
  test(`who boots: ${name}`, () => {
    const booting = new BootingMachines('lab')
    booting.note({ time: NOW, kind: 'dhcp.ack', mac: MAC, network: 'lab', detail: {}, ...event })
    assert.equal(booting.has(MAC, NOW + after), expected)
  })
