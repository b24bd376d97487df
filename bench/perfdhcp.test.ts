import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePerfdhcp, perfdhcpArguments } from './perfdhcp.ts'

const REPORT = `Running: perfdhcp -4 -l c0 -r 3000 -R 100000 -p 3 -W 1000000 10.16.0.1
Scenario: basic.
Multi-thread mode enabled.
***Rate statistics***
Rate: 2231.65 4-way exchanges/second, expected rate: 3000

***Malformed Packets***
Malformed packets: 0
***Statistics for: DISCOVER-OFFER***
sent packets: 8990
received packets: 8945
drops: 45
drops ratio: 0.500556 %
orphans: 0
rejected leases: 0
non unique addresses: 0

min delay: 4.962 ms
avg delay: 17.124 ms
max delay: 49.661 ms
std deviation: 12.227 ms
collected packets: 0

***Statistics for: REQUEST-ACK***
sent packets: 8945
received packets: 8927
drops: 18
drops ratio: 0.2 %
orphans: 0
rejected leases: 0
non unique addresses: 0

min delay: 5.535 ms
avg delay: 16.447 ms
max delay: 51.941 ms
std deviation: 11.900 ms
collected packets: 0
`

test('the counts of both halves of the exchange are read', () => {
  assert.deepEqual(parsePerfdhcp(REPORT), {
    discovers: 8990,
    offers: 8945,
    requests: 8945,
    acks: 8927,
    ackDelayMs: 16.447,
  })
})

test('without answers there is no delay', () => {
  const silent = REPORT.replace(/received packets: \d+/g, 'received packets: 0').replace(
    /^(min|avg|max|std) .*$/gm,
    'avg delay: n/a',
  )
  assert.deepEqual(parsePerfdhcp(silent), {
    discovers: 8990,
    offers: 0,
    requests: 8945,
    acks: 0,
    ackDelayMs: undefined,
  })
})

test('anything else is no report', () => {
  assert.equal(parsePerfdhcp('perfdhcp: unable to open socket\n'), undefined)
  assert.equal(parsePerfdhcp(REPORT.slice(0, REPORT.indexOf('***Statistics for: REQUEST'))), undefined)
})

test('perfdhcp is asked for a rate, a time, and its clients', () => {
  const load = { rate: 500, seconds: 4, relay: '10.16.0.2', server: '10.16.0.1' }
  assert.deepEqual(
    perfdhcpArguments({ ...load, clients: { kind: 'fresh', firstMac: '02:00:00:00:00:00', count: 9 } }),
    '-4 -l 10.16.0.2 -r 500 -p 4 -W 1000000 -b mac=02:00:00:00:00:00 -R 9 10.16.0.1'.split(' '),
  )
  assert.deepEqual(
    perfdhcpArguments({ ...load, clients: { kind: 'listed', file: '/macs' } }),
    '-4 -l 10.16.0.2 -r 500 -p 4 -W 1000000 -M /macs 10.16.0.1'.split(' '),
  )
})
