import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NODE01, NODE02, NOW } from '../../test/helpers/world.ts'
import type { BootEvent, EventKind } from '../model/event.ts'
import { SilenceWatch } from './silence.ts'

const SCRIPT = 'http://10.77.0.1:8080/boot.ipxe'

function event(kind: EventKind, detail: BootEvent['detail'] = {}, seconds = 0): BootEvent {
  return {
    ...{ time: NOW + seconds * 1000, kind, mac: NODE01, node: 'node01', network: 'provisioning' },
    ...{ address: '10.77.0.11', detail },
  }
}

function silences(events: readonly BootEvent[], seconds: number): readonly string[] {
  const watch = new SilenceWatch()
  for (const one of events) watch.note(one)
  return watch.due(NOW + seconds * 1000).map(({ detail }) => String(detail['fetch']))
}

const ACK = event('dhcp.ack', { boot: SCRIPT })

for (const [name, events, after, expected] of [
  ['told and never came', [ACK], 30, [SCRIPT]],
  ['still in time', [ACK], 29, []],
  ['came for its script', [ACK, event('http.script', { script: 'menu' })], 99, []],
  [
    'asked for its script and got stuck',
    [ACK, event('http.script', { script: 'identify' })],
    99,
    ['its own script'],
  ],
  ['got its script and never fetched', [ACK, event('http.script', { script: 'boot' })], 99, ['the kernel']],
  [
    'fetches from another server, which is not seen here',
    [ACK, event('http.script', { script: 'boot', files: 'http://files.example.org' })],
    99,
    [],
  ],
  ['fetches', [event('http.script', { script: 'boot' }), event('http.start', { file: 'vmlinuz' })], 99, []],
  ['a loader over TFTP', [event('dhcp.ack', { boot: 'snponly.efi' })], 99, ['snponly.efi']],
  [
    'its TFTP was refused: not silent',
    [event('dhcp.ack', { boot: 'snponly.efi' }), event('tftp.refused')],
    99,
    [],
  ],
  [
    'an operating system got its address',
    [ACK, event('dhcp.ack', { 'no-boot': 'an operating system' })],
    99,
    [],
  ],
  ['a DISCOVER alone shows nothing', [ACK, event('dhcp.discover'), event('dhcp.offer')], 99, [SCRIPT]],
  [
    'that somebody else reads its script says nothing of the machine',
    [ACK, event('http.script', { script: 'boot', standing: 'claimed' })],
    99,
    [SCRIPT],
  ],
] as const)
  test(name, () => assert.deepEqual(silences(events, after), expected))

test('a silence is told once, with machine, address and what to look at', () => {
  const watch = new SilenceWatch()
  watch.note(ACK)
  watch.note({ ...ACK, mac: NODE02, node: 'node02', time: NOW + 20_000 })
  const [silent, ...others] = watch.due(NOW + 31_000)
  assert.deepEqual(others, [])
  assert.deepEqual(silent, {
    ...{ time: NOW + 31_000, kind: 'boot.silent', mac: NODE01, node: 'node01' },
    ...{ network: 'provisioning', address: '10.77.0.11' },
    detail: {
      fetch: SCRIPT,
      seconds: 30,
      hint: 'a firewall before the TCP port of boot HTTP, or an address of ours that the machine cannot reach',
    },
  })
  assert.deepEqual(watch.due(NOW + 32_000), [])
})

test('of more machines than the watch has room for, the oldest are forgotten', () => {
  const watch = new SilenceWatch()
  for (let i = 0; i < 5000; i += 1)
    watch.note({ ...ACK, mac: `52:54:01:00:${hex(i >> 8)}:${hex(i & 255)}` as typeof NODE01 })
  assert.equal(watch.due(NOW + 99_000).length, 4096)
})

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0')
}
