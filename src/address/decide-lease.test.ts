import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  discover,
  ended,
  OTHER,
  OURS,
  type Row,
  reboot,
  renew,
  select,
  THEM,
  testRows,
  US,
} from '../../test/helpers/lease-rows.ts'
import { ip, NODE01, STRANGER, world } from '../../test/helpers/world.ts'
import { decideLease } from './decide-lease.ts'

const REQUEST: readonly Row[] = [
  {
    name: 'S01: SELECTING, the address that was offered',
    in: world().lease('10.77.0.100', STRANGER, { state: 'offered' }),
    ask: select('10.77.0.100'),
    answer: 'ack 10.77.0.100, writes bound 10.77.0.100 for 3600 s',
    steps: [OURS, 'lease.current state: 10.77.0.100 is free for this client'],
  },
  {
    name: 'S04: SELECTING another server lets the offer go',
    in: world().lease('10.77.0.100', STRANGER, { state: 'offered' }),
    ask: select('10.77.0.100', THEM),
    answer: 'silent: the client chose the server 10.77.0.9, forgets 10.77.0.100',
    steps: ['lease.server packet: another server, 10.77.0.9'],
  },
  {
    name: 'SELECTING another server that the network knows',
    in: world()
      .network({ besides: [THEM] })
      .lease('10.77.0.100', STRANGER, { state: 'offered' }),
    ask: select('10.77.0.100', THEM),
    answer: 'silent: the client chose the server 10.77.0.9, forgets 10.77.0.100',
    steps: ['lease.server packet: another server, 10.77.0.9, which besides: names'],
  },
  {
    name: 'SELECTING another server leaves a lease alone',
    in: world().lease('10.77.0.100', STRANGER),
    ask: select('10.77.0.100', THEM),
    answer: 'silent: the client chose the server 10.77.0.9',
    steps: ['lease.server packet: another server, 10.77.0.9'],
  },
  {
    name: 'S05: SELECTING outside the pool',
    in: world(),
    ask: select('10.77.0.200'),
    answer: 'nak: 10.77.0.200 is not in a pool',
    steps: [OURS, 'lease.current state: 10.77.0.200 is not in a pool'],
  },
  {
    name: 'S06: SELECTING what somebody else has',
    in: world().lease('10.77.0.100', OTHER),
    ask: select('10.77.0.100'),
    answer: `nak: 10.77.0.100 is leased to ${OTHER}`,
    steps: [OURS, `lease.current state: 10.77.0.100 is leased to ${OTHER}`],
  },
  {
    name: 'S07: SELECTING without a DISCOVER that we remember',
    in: world(),
    ask: select('10.77.0.100'),
    answer: 'ack 10.77.0.100, writes bound 10.77.0.100 for 3600 s',
    steps: [OURS, 'lease.current state: 10.77.0.100 is free for this client'],
  },
  {
    name: "SELECTING another node's reservation",
    in: world().labNodes(),
    ask: select('10.77.0.11'),
    answer: 'nak: 10.77.0.11 is reserved for node01',
    steps: [OURS, 'lease.current state: 10.77.0.11 is reserved for node01'],
  },
  {
    name: 'S08: INIT-REBOOT in another network, also of a client we never saw',
    in: world(),
    ask: reboot('10.9.9.9'),
    answer: 'nak: 10.9.9.9 is not on provisioning',
    steps: ['lease.subnet state: 10.9.9.9 is not on provisioning'],
  },
  {
    name: 'S10: INIT-REBOOT, the own lease',
    in: world().lease('10.77.0.142', STRANGER),
    ask: reboot('10.77.0.142'),
    answer: 'ack 10.77.0.142, writes bound 10.77.0.142 for 3600 s',
    steps: ['lease.current state: 10.77.0.142 is free for this client'],
  },
  {
    name: 'S12: INIT-REBOOT, free and never seen',
    in: world(),
    ask: reboot('10.77.0.142'),
    answer: 'ack 10.77.0.142, writes bound 10.77.0.142 for 3600 s',
    steps: ['lease.current state: 10.77.0.142 is free for this client'],
  },
  {
    name: 'RENEWING what is reserved for somebody else since: given back at once',
    in: world().labNodes().lease('10.77.0.11', STRANGER),
    ask: renew('10.77.0.11'),
    answer: 'nak: 10.77.0.11 is reserved for node01, writes released 10.77.0.11 for 0 s',
    steps: ['lease.current state: 10.77.0.11 is reserved for node01'],
  },
  {
    name: 'RENEWING another address than the one that is reserved for it since',
    in: world().labNodes().lease('10.77.0.142', NODE01),
    mac: NODE01,
    ask: renew('10.77.0.142'),
    answer: 'nak: 10.77.0.142 was it, 10.77.0.11 is reserved for it now, writes released 10.77.0.142 for 0 s',
    steps: ['lease.reservation inventory: 10.77.0.142 was it, 10.77.0.11 is reserved for it now'],
  },
  {
    name: 'RENEWING another address while somebody has the reserved one',
    in: world().labNodes().lease('10.77.0.142', NODE01).lease('10.77.0.11', OTHER),
    mac: NODE01,
    ask: renew('10.77.0.142'),
    answer: 'ack 10.77.0.142, writes bound 10.77.0.142 for 3600 s',
    steps: ['lease.current state: 10.77.0.142 is free for this client'],
  },
  {
    name: "INIT-REBOOT, the router's address",
    in: world(),
    ask: reboot('10.77.0.1'),
    answer: "nak: 10.77.0.1 is a server's, a router's, a relay's or the subnet's own",
    steps: ["lease.current state: 10.77.0.1 is a server's, a router's, a relay's or the subnet's own"],
  },
  {
    name: 'S13: RENEWING extends',
    in: world().lease('10.77.0.142', STRANGER, { expiresAt: world().now + 1 }),
    ask: renew('10.77.0.142'),
    answer: 'ack 10.77.0.142, writes bound 10.77.0.142 for 3600 s',
    steps: ['lease.current state: 10.77.0.142 is free for this client'],
  },
  {
    name: 'S14: RENEWING a lease that ended a minute ago',
    in: world().lease('10.77.0.142', STRANGER, ended),
    ask: renew('10.77.0.142'),
    answer: 'ack 10.77.0.142, writes bound 10.77.0.142 for 3600 s',
    steps: ['lease.current state: 10.77.0.142 is free for this client'],
  },
  {
    name: 'S15: RENEWING what somebody else has now',
    in: world().lease('10.77.0.142', OTHER),
    ask: renew('10.77.0.142'),
    answer: `nak: 10.77.0.142 is leased to ${OTHER}`,
    steps: [`lease.current state: 10.77.0.142 is leased to ${OTHER}`],
  },
  {
    name: 'a client that moved gives back its old address with the new lease',
    in: world().labNodes().lease('10.77.0.142', NODE01).lease('10.77.0.143', NODE01, ended),
    mac: NODE01,
    ask: select('10.77.0.11'),
    answer:
      'ack 10.77.0.11, writes released 10.77.0.143 for -60 s, released 10.77.0.142 for 0 s, bound 10.77.0.11 for 3600 s',
    steps: [OURS, 'lease.current state: 10.77.0.11 is free for this client'],
  },
]

const OTHERS: readonly Row[] = [
  {
    name: 'S23: RELEASE',
    in: world().lease('10.77.0.142', STRANGER),
    ask: { kind: 'release', current: ip('10.77.0.142'), server: US },
    answer: 'silent: released, writes released 10.77.0.142 for 0 s',
    steps: [OURS, 'lease.release packet: 10.77.0.142'],
  },
  {
    name: "S24: RELEASE of somebody else's address",
    in: world().lease('10.77.0.142', OTHER),
    ask: { kind: 'release', current: ip('10.77.0.142'), server: US },
    answer: 'silent: 10.77.0.142 is not bound to this client',
    steps: [OURS],
  },
  {
    name: 'RELEASE to another server',
    in: world().lease('10.77.0.142', STRANGER),
    ask: { kind: 'release', current: ip('10.77.0.142'), server: THEM },
    answer: 'silent: not our lease',
    steps: ['lease.server packet: another server, 10.77.0.9'],
  },
  {
    name: 'S19: DECLINE by the holder',
    in: world().lease('10.77.0.142', STRANGER),
    ask: { kind: 'decline', declined: ip('10.77.0.142'), server: US },
    answer: 'silent: declined, writes declined 10.77.0.142 for 3600 s',
    steps: [OURS, 'lease.decline packet: 10.77.0.142 is in use by somebody else'],
  },
  {
    name: 'DECLINE of an offer',
    in: world().lease('10.77.0.142', STRANGER, { state: 'offered' }),
    ask: { kind: 'decline', declined: ip('10.77.0.142') },
    answer: 'silent: declined, writes declined 10.77.0.142 for 3600 s',
    steps: ['lease.decline packet: 10.77.0.142 is in use by somebody else'],
  },
  {
    name: 'DECLINE of a reservation: for a minute, so that it is given to its node again',
    mac: NODE01,
    in: world().labNodes().lease('10.77.0.11', NODE01),
    ask: { kind: 'decline', declined: ip('10.77.0.11') },
    answer: 'silent: declined, writes declined 10.77.0.11 for 60 s',
    steps: ['lease.decline packet: 10.77.0.11 is in use by somebody else'],
  },
  {
    name: 'S20: DECLINE from a different MAC',
    in: world().lease('10.77.0.142', OTHER),
    ask: { kind: 'decline', declined: ip('10.77.0.142'), server: US },
    answer: "silent: 10.77.0.142 is not this client's to decline",
    steps: [OURS],
  },
  {
    name: 'S21: DECLINE to another server',
    in: world().lease('10.77.0.142', STRANGER),
    ask: { kind: 'decline', declined: ip('10.77.0.142'), server: THEM },
    answer: 'silent: not our lease',
    steps: ['lease.server packet: another server, 10.77.0.9'],
  },
  {
    name: 'S22: the fourth DECLINE of one client changes nothing',
    in: world()
      .lease('10.77.0.100', STRANGER, { state: 'declined' })
      .lease('10.77.0.101', STRANGER, { state: 'declined' })
      .lease('10.77.0.102', STRANGER, { state: 'declined' })
      .lease('10.77.0.142', STRANGER),
    ask: { kind: 'decline', declined: ip('10.77.0.142') },
    answer: 'silent: the client has declined 3 addresses already',
    steps: [],
  },
  {
    name: 'S25: INFORM',
    in: world(),
    ask: { kind: 'inform', current: ip('10.77.0.50') },
    answer: 'ack-inform 10.77.0.50',
    steps: ['lease.subnet packet: 10.77.0.50 is on provisioning'],
  },
  {
    name: 'INFORM from elsewhere gets nothing sent there',
    in: world(),
    ask: { kind: 'inform', current: ip('198.51.100.7') },
    answer: 'silent: 198.51.100.7 is not on provisioning',
    steps: ['lease.subnet packet: 198.51.100.7 is not on provisioning'],
  },
]

testRows('REQUEST', REQUEST)
testRows('RELEASE, DECLINE, INFORM', OTHERS)

test('I01, I12: the MAC is the key; a new option 61 replaces the old one in the same lease', () => {
  const there = world().lease('10.77.0.142', STRANGER, { clientId: '01' })
  const { answer } = decideLease(
    { ask: discover(), mac: STRANGER, clientId: 'ff' },
    there.addresses(STRANGER),
  )
  assert.ok(answer.kind === 'offer')
  assert.equal(answer.lease.address, ip('10.77.0.142'))
  const ack = decideLease(
    { ask: reboot('10.77.0.142'), mac: STRANGER, clientId: 'ff' },
    there.addresses(STRANGER),
  )
  assert.ok(ack.answer.kind === 'ack')
  assert.equal(ack.answer.lease.clientId, 'ff')
})

test('a renewed lease keeps its start, a new one starts now', () => {
  const there = world().lease('10.77.0.142', STRANGER, { startedAt: 5 })
  const kept = decideLease({ ask: renew('10.77.0.142'), mac: STRANGER }, there.addresses(STRANGER)).answer
  const fresh = decideLease({ ask: renew('10.77.0.143'), mac: OTHER }, there.addresses(OTHER)).answer
  assert.ok(kept.kind === 'ack' && fresh.kind === 'ack')
  assert.deepEqual([kept.lease.startedAt, fresh.lease.startedAt], [5, there.now])
})
