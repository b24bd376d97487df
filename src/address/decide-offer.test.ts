import { discover, ended, OTHER, offered, type Row, small, testRows } from '../../test/helpers/lease-rows.ts'
import { ip, NODE01, NODE02, NODE02_SECOND, STRANGER, world } from '../../test/helpers/world.ts'
import { OFFER_GUARD_MS } from './decide-lease.ts'

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

testRows('DISCOVER', DISCOVER)
