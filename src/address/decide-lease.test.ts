import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../test/helpers/counts.ts'
import {
  ip,
  mac,
  NODE01,
  NODE02,
  NODE02_SECOND,
  STRANGER,
  told,
  type WorldBuilder,
  world,
} from '../../test/helpers/world.ts'
import { formatIpv4, type Ipv4, rangeContains } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Lease } from '../model/lease.ts'
import type { LeaseAnswer } from '../model/lease-answer.ts'
import type { LeaseAsk } from '../model/lease-request.ts'
import { decideLease, OFFER_GUARD_MS, OFFER_HOLD_MS } from './decide-lease.ts'
import { QUARANTINE_MS } from './ping-check.ts'

const OTHER = mac('52:54:00:dd:ee:ff')
const US = ip('10.77.0.1')
const THEM = ip('10.77.0.9')

interface Row {
  readonly name: string
  readonly in: WorldBuilder
  readonly mac?: Mac
  readonly ask: LeaseAsk
  readonly answer: string
  readonly steps: readonly string[]
}

const discover = (requested?: string): LeaseAsk =>
  requested === undefined ? { kind: 'discover' } : { kind: 'discover', requested: ip(requested) }
const select = (requested: string, server = US): LeaseAsk => ({
  kind: 'select',
  requested: ip(requested),
  server,
})
const reboot = (requested: string): LeaseAsk => ({ kind: 'reboot', requested: ip(requested) })
const renew = (current: string): LeaseAsk => ({ kind: 'renew', current: ip(current) })
const OURS = 'lease.server packet: this server'
const ended = { expiresAt: world().now - 60_000 }
const offered = (ago: number): Partial<Lease> => ({
  state: 'offered',
  startedAt: world().now - ago,
  expiresAt: world().now - ago + OFFER_HOLD_MS,
})
const small = (): WorldBuilder =>
  world().network({ pools: [{ first: ip('10.77.0.100'), last: ip('10.77.0.101') }] })

const DISCOVER: readonly Row[] = [
  {
    name: 'a new client gets an address of the pool',
    in: world(),
    ask: discover(),
    answer: 'offer 10.77.0.100 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.100'],
  },
  {
    name: 'a reservation comes first',
    in: world().labNodes(),
    mac: NODE01,
    ask: discover('10.77.0.150'),
    answer: 'offer 10.77.0.11 offered for 60 s',
    steps: ['lease.reservation inventory: 10.77.0.11 for node01'],
  },
  {
    name: 'the current lease is offered again as it is',
    in: world().lease('10.77.0.142', STRANGER),
    ask: discover('10.77.0.150'),
    answer: 'offer 10.77.0.142 bound for 3000 s',
    steps: ['lease.current state: 10.77.0.142 (bound)'],
  },
  {
    name: 'S23: a released address is remembered',
    in: world().lease('10.77.0.142', STRANGER, { state: 'released', ...ended }),
    ask: discover(),
    answer: 'offer 10.77.0.142 offered for 60 s',
    steps: ['lease.current state: 10.77.0.142 (released)'],
  },
  {
    name: 'an expired one as well',
    in: world().lease('10.77.0.142', STRANGER, ended),
    ask: discover(),
    answer: 'offer 10.77.0.142 offered for 60 s',
    steps: ['lease.current state: 10.77.0.142 (bound)'],
  },
  {
    name: 'S02, S03: a repeated DISCOVER gets the same address, held anew',
    in: world().lease('10.77.0.142', STRANGER, { state: 'offered', expiresAt: world().now + 1000 }),
    ask: discover(),
    answer: 'offer 10.77.0.142 offered for 60 s',
    steps: ['lease.current state: 10.77.0.142 (offered)'],
  },
  {
    name: 'the address asked for, when it is free',
    in: world(),
    ask: discover('10.77.0.150'),
    answer: 'offer 10.77.0.150 offered for 60 s',
    steps: ['lease.requested packet: 10.77.0.150'],
  },
  ...(['10.77.0.1', '10.77.0.0', '10.77.0.255', '10.77.0.11', '10.77.0.50', '10.9.9.9'] as const).map(
    (address): Row => ({
      name: `not ${address}, which is nobody's to ask for`,
      in: world().labNodes(),
      ask: discover(address),
      answer: 'offer 10.77.0.100 offered for 60 s',
      steps: ['lease.pool state: 10.77.0.100'],
    }),
  ),
  {
    name: 'a DISCOVER gives back what the client may not have any more',
    in: world().labNodes().lease('10.77.0.11', STRANGER),
    ask: discover(),
    answer: 'offer 10.77.0.100 offered for 60 s, writes released 10.77.0.11 for 0 s',
    steps: ['lease.pool state: 10.77.0.100'],
  },
  {
    name: "not a relay's address, nor that of a server which besides: names",
    in: world().network({ relays: [ip('10.77.0.100')], besides: [ip('10.77.0.101')] }),
    ask: discover('10.77.0.101'),
    answer: 'offer 10.77.0.102 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.102'],
  },
  {
    name: 'an offer that is held belongs to its client',
    in: small().lease('10.77.0.100', OTHER, { state: 'offered', expiresAt: world().now + 1 }),
    ask: discover('10.77.0.100'),
    answer: 'offer 10.77.0.101 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.101'],
  },
  {
    name: 'an address given back before its time is free at once',
    in: small().lease('10.77.0.100', OTHER, { state: 'released' }),
    ask: discover('10.77.0.100'),
    answer: 'offer 10.77.0.100 offered for 60 s',
    steps: ['lease.requested packet: 10.77.0.100'],
  },
  {
    name: 'S32: until it is held no more',
    in: small().lease('10.77.0.100', OTHER, { state: 'offered', expiresAt: world().now }),
    ask: discover('10.77.0.100'),
    answer: 'offer 10.77.0.100 offered for 60 s',
    steps: ['lease.requested packet: 10.77.0.100'],
  },
  {
    name: 'an address never used comes before one that was given back',
    in: small().lease('10.77.0.100', OTHER, ended),
    ask: discover(),
    answer: 'offer 10.77.0.101 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.101'],
  },
  {
    name: 'in a full pool the lease that ended longest ago makes room',
    in: small()
      .lease('10.77.0.100', OTHER, ended)
      .lease('10.77.0.101', NODE01, { expiresAt: ended.expiresAt - 1 }),
    ask: discover(),
    answer: 'offer 10.77.0.101 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.101'],
  },
  {
    name: 'an offer that nobody took gives way where nothing is free, the oldest first',
    in: small()
      .lease('10.77.0.100', OTHER, offered(OFFER_GUARD_MS))
      .lease('10.77.0.101', NODE01, offered(OFFER_GUARD_MS + 1)),
    ask: discover('10.77.0.100'),
    answer: 'offer 10.77.0.101 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.101'],
  },
  {
    name: 'but not before its client had time to take it',
    in: small()
      .lease('10.77.0.100', OTHER, offered(OFFER_GUARD_MS - 1))
      .lease('10.77.0.101', NODE01, offered(0)),
    ask: discover(),
    answer: 'silent: no free address on provisioning',
    steps: ['lease.pool state: no free address'],
  },
  {
    name: 'and only after the leases that ended',
    in: small().lease('10.77.0.100', OTHER, offered(30_000)).lease('10.77.0.101', NODE01, ended),
    ask: discover(),
    answer: 'offer 10.77.0.101 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.101'],
  },
  {
    name: 'S31: an exhausted pool is silence',
    in: small().lease('10.77.0.100', OTHER).lease('10.77.0.101', NODE01),
    ask: discover(),
    answer: 'silent: no free address on provisioning',
    steps: ['lease.pool state: no free address'],
  },
  {
    name: 'S19: a quarantined address is nobody’s',
    in: small().lease('10.77.0.100', STRANGER, { state: 'declined' }),
    ask: discover('10.77.0.100'),
    answer: 'offer 10.77.0.101 offered for 60 s',
    steps: ['lease.pool state: 10.77.0.101'],
  },
  {
    name: 'a quarantined reservation gives way to the pool',
    in: world().labNodes().lease('10.77.0.11', NODE01, { state: 'declined' }),
    mac: NODE01,
    ask: discover(),
    answer: 'offer 10.77.0.100 offered for 60 s',
    steps: [
      'lease.reservation state: 10.77.0.11 for node01: 10.77.0.11 is quarantined: a client found it in use',
      'lease.pool state: 10.77.0.100',
    ],
  },
  {
    name: 'the second MAC of a node gets the pool while the first has the reservation',
    in: world().labNodes().lease('10.77.0.12', NODE02),
    mac: NODE02_SECOND,
    ask: discover(),
    answer: 'offer 10.77.0.100 offered for 60 s',
    steps: [
      `lease.reservation state: 10.77.0.12 for node02: 10.77.0.12 is leased to ${NODE02}`,
      'lease.pool state: 10.77.0.100',
    ],
  },
  {
    name: 'and the reservation once the first is gone',
    in: world().labNodes().lease('10.77.0.12', NODE02, ended),
    mac: NODE02_SECOND,
    ask: discover(),
    answer: 'offer 10.77.0.12 offered for 60 s',
    steps: ['lease.reservation inventory: 10.77.0.12 for node02'],
  },
  {
    name: 'a reservation of the address that the interface turned out to have is not given',
    in: world()
      .network({ options: { router: ip('10.77.0.254') } })
      .node('node09', STRANGER, { address: '10.77.0.1' }),
    ask: discover(),
    answer: 'offer 10.77.0.100 offered for 60 s',
    steps: [
      "lease.reservation state: 10.77.0.1 for node09: 10.77.0.1 is a server's, a router's, a relay's or the subnet's own",
      'lease.pool state: 10.77.0.100',
    ],
  },
]

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

for (const [title, rows] of [
  ['DISCOVER', DISCOVER],
  ['REQUEST', REQUEST],
  ['RELEASE, DECLINE, INFORM', OTHERS],
] as const)
  describe(title, () => {
    for (const row of rows)
      test(row.name, () => {
        const client = row.mac ?? STRANGER
        const { answer, trace } = decideLease({ ask: row.ask, mac: client }, row.in.addresses(client))
        assert.equal(describeAnswer(answer, row.in.now), row.answer)
        assert.deepEqual(told(trace), row.steps)
      })
  })

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

test('model: whatever clients ask, no two have one address, and none leaves pool and reservation', () => {
  const clients = [NODE01, NODE02, NODE02_SECOND, STRANGER, OTHER, mac('02:00:00:00:00:01')]
  const addresses = [
    '10.77.0.0',
    '10.77.0.1',
    '10.77.0.11',
    '10.77.0.12',
    '10.77.0.13',
    '10.77.0.255',
    '10.9.9.9',
  ]
  const asked = fc.constantFrom(...[...addresses, '10.77.0.100', '10.77.0.101', '10.77.0.102'].map(ip))
  const server = fc.constantFrom(US, THEM)
  const ask: fc.Arbitrary<LeaseAsk> = fc.oneof(
    fc.constant<LeaseAsk>({ kind: 'discover' }),
    fc.record({ kind: fc.constant('discover'), requested: asked }),
    fc.record({ kind: fc.constant('select'), requested: asked, server }),
    fc.record({ kind: fc.constant('reboot'), requested: asked }),
    fc.record({ kind: fc.constant('renew'), current: asked }),
    fc.record({ kind: fc.constant('release'), current: asked, server }),
    fc.record({ kind: fc.constant('decline'), declined: asked, server }),
    fc.record({ kind: fc.constant('inform'), current: asked }),
  )
  const move = fc.record({
    client: fc.constantFrom(...clients),
    ask,
    // A client that takes what it was offered, as real ones do.
    follows: fc.boolean(),
    wait: fc.constantFrom(0, 1000, OFFER_HOLD_MS + 1, 3_600_001, QUARANTINE_MS + 1),
  })
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const there = world()
        .labNodes()
        .network({ pools: [{ first: ip('10.77.0.100'), last: ip('10.77.0.102') }] })
      for (const { client, ask: first, follows, wait } of moves) {
        there.after(wait)
        const answer = apply(there, client, first)
        if (follows && answer.kind === 'offer') {
          const ack = apply(there, client, { kind: 'select', requested: answer.lease.address, server: US })
          assert.equal(ack.kind, 'ack', 'what was offered can be had')
        }
        if (answer.kind === 'ack') {
          const again = decideLease(
            { ask: { kind: 'discover' }, mac: client },
            there.addresses(client),
          ).answer
          assert.ok(again.kind === 'offer')
          const reserved = there.addresses(client).node?.address
          if (reserved === undefined) assert.equal(again.lease.address, answer.lease.address)
        }
        checkTable(there, clients)
      }
    }),
    { seed: 20261123, numRuns: runs(20_000, 400_000) },
  )
})

/** What `app/answer-dhcp.ts` does with an answer when the disk is willing. */
function apply(there: WorldBuilder, client: Mac, ask: LeaseAsk): LeaseAnswer {
  const { answer } = decideLease({ ask, mac: client }, there.addresses(client))
  if (answer.kind === 'offer') {
    checkAddress(there, client, answer.lease.address)
    const holder = there.leases.ofAddress('provisioning', answer.lease.address)
    assert.ok(holder === undefined || holder.mac === client || !isActive(holder, there.now))
    if (answer.lease.state === 'offered') there.leases.put(answer.lease)
  }
  if (answer.kind === 'silent' && answer.forget !== undefined) there.leases.restore(answer.forget, undefined)
  for (const lease of answer.kind === 'ack' || answer.kind === 'silent' ? (answer.writes ?? []) : []) {
    const holder = there.leases.ofAddress('provisioning', lease.address)
    assert.ok(holder === undefined || holder.mac === client || !isActive(holder, there.now), 'not taken away')
    if (lease.state === 'bound') checkAddress(there, client, lease.address)
    there.leases.put(lease)
  }
  return answer
}

function checkAddress(there: WorldBuilder, client: Mac, address: Ipv4): void {
  const { network, node, reservations } = there.addresses(client)
  const pooled = network.pools.some((range) => rangeContains(range, address)) && !reservations.has(address)
  assert.ok(pooled || node?.address === address, `${formatIpv4(address)} is not for ${client}`)
}

function checkTable(there: WorldBuilder, clients: readonly Mac[]): void {
  const active = [...there.leases.all()].filter(
    (lease) => lease.state === 'bound' && isActive(lease, there.now),
  )
  assert.equal(new Set(active.map((lease) => lease.address)).size, active.length, 'one client an address')
  assert.equal(new Set(active.map((lease) => lease.mac)).size, active.length, 'one address a client')
  const listed = clients.flatMap((client) => there.leases.ofClient('provisioning', client))
  assert.equal(listed.length, [...there.leases.all()].length, 'both indexes agree')
}

function isActive(lease: Lease, now: number): boolean {
  return lease.state !== 'released' && lease.expiresAt > now
}

function describeAnswer(answer: LeaseAnswer, now: number): string {
  const seconds = (lease: Lease): number => (lease.expiresAt - now) / 1000
  const shown = (lease: Lease): string =>
    `${lease.state} ${formatIpv4(lease.address)} for ${seconds(lease)} s`
  const writes = (leases: readonly Lease[] = []): string =>
    leases.length === 0 ? '' : `, writes ${leases.map(shown).join(', ')}`
  switch (answer.kind) {
    case 'offer':
      return `offer ${formatIpv4(answer.lease.address)} ${answer.lease.state} for ${seconds(answer.lease)} s${writes(answer.writes)}`
    case 'ack':
      return `ack ${formatIpv4(answer.lease.address)}, writes ${answer.writes.map(shown).join(', ')}`
    case 'ack-inform':
      return `ack-inform ${formatIpv4(answer.address)}`
    case 'bootp':
      return `bootp ${formatIpv4(answer.address)}`
    case 'nak':
      return `nak: ${answer.reason}${writes(answer.writes)}`
    case 'silent':
      return [
        `silent: ${answer.reason}`,
        ...(answer.forget === undefined ? [] : [`forgets ${formatIpv4(answer.forget.address)}`]),
        ...(answer.writes === undefined ? [] : [`writes ${answer.writes.map(shown).join(', ')}`]),
      ].join(', ')
    default:
      return answer satisfies never
  }
}
