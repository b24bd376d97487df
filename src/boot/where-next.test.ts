import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  ALL,
  bios,
  ipxe,
  KNOWN,
  NOBODY,
  os,
  type Row,
  testRows,
  uefi,
} from '../../test/helpers/decision-rows.ts'
import { NODE01, STRANGER, world } from '../../test/helpers/world.ts'
import { isStable } from '../model/rules.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'
import { decide } from './decide.ts'

const NO_X64 =
  'no loader for uefi-x64: snponly.efi, snponly-amd64.efi, ipxe.efi or ipxe-amd64.efi is missing in /usr/lib/ipxe; `centra-pxe firmware fetch` brings it'
const NO_ARM64 =
  'no loader for uefi-arm64: snponly-arm64.efi or ipxe-arm64.efi is missing in /usr/lib/ipxe; `centra-pxe firmware fetch --suite sid` brings it'
const SCRIPT_URL = 'http://10.77.0.1:8080/boot.ipxe'

const ROMS: readonly Row[] = [
  {
    name: 'X05: a BIOS ROM gets undionly.kpxe',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, bios),
    action: 'boot-file undionly.kpxe over tftp',
    steps: [NOBODY, ALL, 'loader.select config: undionly.kpxe over tftp (table)'],
  },
  {
    name: 'X03: x64 UEFI gets snponly.efi',
    in: world().labNodes(),
    ask: (w) => w.asksDhcp(NODE01, uefi),
    action: 'boot-file snponly.efi over tftp',
    steps: [KNOWN, ALL, 'loader.select config: snponly.efi over tftp (table)'],
  },
  {
    name: 'X03: architecture 9 is x64 UEFI as well',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'uefi-ebc' }),
    action: 'boot-file snponly.efi over tftp',
    steps: [NOBODY, ALL, 'loader.select config: snponly.efi over tftp (table)'],
  },
  {
    name: 'the second choice is offered when the first is not on disk',
    in: world().firmware('ipxe.efi'),
    ask: (w) => w.asksDhcp(STRANGER, uefi),
    action: 'boot-file ipxe.efi over tftp',
    steps: [NOBODY, ALL, 'loader.select config: ipxe.efi over tftp (table)'],
  },
  {
    name: 'a loader that is not on disk is never offered, and the reason names it',
    in: world().firmware('undionly.kpxe'),
    ask: (w) => w.asksDhcp(STRANGER, uefi),
    action: `no-boot ${NO_X64}`,
    steps: [NOBODY, ALL, 'loader.select config: no loader for uefi-x64'],
  },
  {
    name: 'X08: an architecture without loader gets an address alone',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', archCode: 0x7fff }),
    action: 'no-boot no loader for architecture 32767',
    steps: [NOBODY, ALL, 'loader.select config: no loader for architecture 32767'],
  },
  {
    name: 'an architecture that no loader is known for',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 's390-basic' }),
    action: 'no-boot no loader for s390-basic: a node or profile can name one, loader: { s390-basic: FILE }',
    steps: [NOBODY, ALL, 'loader.select config: no loader for s390-basic'],
  },
  {
    name: 'X04: a loader of a newer suite that is missing, with the command that brings it',
    in: world().firmware('snponly.efi'),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'uefi-arm64' }),
    action: `no-boot ${NO_ARM64}`,
    steps: [NOBODY, ALL, 'loader.select config: no loader for uefi-arm64'],
  },
  {
    name: 'X09: of several architectures the first that has a loader on disk',
    in: world().firmware('ipxe.efi'),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'uefi-ia32', arches: ['uefi-ia32', 'uefi-x64'] }),
    action: 'boot-file ipxe.efi over tftp',
    steps: [NOBODY, ALL, 'loader.select config: ipxe.efi over tftp (table)'],
  },
  {
    name: 'X06: UEFI HTTP boot gets the address of the loader, where it reached us',
    in: world().server('10.77.0.2'),
    ask: (w) =>
      w.asksDhcp(STRANGER, {
        ...{ stage: 'rom', arch: 'uefi-x64-http', firmware: 'uefi-http', transport: 'http' },
      }),
    action: 'boot-file snponly.efi over http http://10.77.0.2:8080/firmware/snponly.efi as uefi-http',
    steps: [NOBODY, ALL, 'loader.select config: snponly.efi over http (table)'],
  },
  {
    name: 'X06: never an address of a loader that is not on disk',
    in: world().firmware(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'uefi-x64-http', transport: 'http' }),
    action: `no-boot ${NO_X64.replace('uefi-x64', 'uefi-x64-http')}`,
    steps: [NOBODY, ALL, 'loader.select config: no loader for uefi-x64-http'],
  },
  {
    name: 'E11: a machine whose loader leads nowhere gets the other one',
    in: world().looping(STRANGER, 'snponly.efi'),
    ask: (w) => w.asksDhcp(STRANGER, uefi),
    action: 'boot-file ipxe.efi over tftp',
    steps: [
      NOBODY,
      ALL,
      'loader.loop state: snponly.efi was fetched again and again without asking for a script: ipxe.efi instead',
      'loader.select config: ipxe.efi over tftp (table)',
    ],
  },
  {
    name: 'E11: a loop of another architecture, or one without another loader, changes nothing',
    in: world().looping(STRANGER, 'undionly.kpxe'),
    ask: (w) => w.asksDhcp(STRANGER, uefi),
    action: 'boot-file snponly.efi over tftp',
    steps: [NOBODY, ALL, 'loader.select config: snponly.efi over tftp (table)'],
  },
  {
    name: 'a ROM that names no architecture',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom' }),
    action: 'no-boot the client names no architecture',
    steps: [NOBODY, ALL, 'loader.select config: the client names no architecture'],
  },
]

const IPXE: readonly Row[] = [
  {
    name: 'E01: iPXE gets the URL of its script',
    in: world().labNodes(),
    ask: (w) => w.asksDhcp(NODE01, ipxe),
    action: `script-url ${SCRIPT_URL}`,
    steps: [KNOWN, ALL, `script.url config: ${SCRIPT_URL}`],
  },
  {
    name: 'A09, E23: the URL has the address on which the client reached us',
    in: world().server('10.77.0.2'),
    ask: (w) => w.asksDhcp(STRANGER, ipxe),
    action: 'script-url http://10.77.0.2:8080/boot.ipxe',
    steps: [NOBODY, ALL, 'script.url config: http://10.77.0.2:8080/boot.ipxe'],
  },
  {
    name: "E09: foreignIpxe: chain gives a card's own iPXE our loader by its URL",
    in: world().network({ foreignIpxe: 'chain' }),
    ask: (w) => w.asksDhcp(STRANGER, ipxe),
    action: 'boot-file ipxe.efi over http http://10.77.0.1:8080/firmware/ipxe.efi as ipxe',
    steps: [
      ...[NOBODY, ALL, 'ipxe.foreign config: foreignIpxe: chain, and this iPXE is not ours'],
      'loader.select config: ipxe.efi over http (table)',
    ],
  },
  {
    name: 'E09, E10: on BIOS with the drivers of its own',
    in: world().network({ foreignIpxe: 'chain' }),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'ipxe', arch: 'bios-x86' }),
    action: 'boot-file ipxe.pxe over http http://10.77.0.1:8080/firmware/ipxe.pxe as ipxe',
    steps: [
      ...[NOBODY, ALL, 'ipxe.foreign config: foreignIpxe: chain, and this iPXE is not ours'],
      'loader.select config: ipxe.pxe over http (table)',
    ],
  },
  {
    name: 'E09: once: what it loaded gets the script',
    in: world().network({ foreignIpxe: 'chain' }).fetched(STRANGER, 'ipxe.efi'),
    ask: (w) => w.asksDhcp(STRANGER, ipxe),
    action: `script-url ${SCRIPT_URL}`,
    steps: [
      ...[NOBODY, ALL, 'ipxe.foreign state: foreignIpxe: chain, and it has just fetched ipxe.efi'],
      `script.url config: ${SCRIPT_URL}`,
    ],
  },
  {
    name: 'E09: a loader that led nowhere is not given again',
    in: world().network({ foreignIpxe: 'chain' }).looping(STRANGER, 'ipxe.efi'),
    ask: (w) => w.asksDhcp(STRANGER, ipxe),
    action: `script-url ${SCRIPT_URL}`,
    steps: [
      ...[NOBODY, ALL, 'ipxe.foreign state: foreignIpxe: chain, and ipxe.efi led nowhere'],
      `script.url config: ${SCRIPT_URL}`,
    ],
  },
  {
    name: 'E08: an iPXE that says it is ours gets the script, whatever the policy',
    in: world().network({ foreignIpxe: 'chain' }),
    ask: (w) => w.asksDhcp(STRANGER, { ...ipxe, isOurs: true }),
    action: `script-url ${SCRIPT_URL}`,
    steps: [
      ...[NOBODY, ALL, 'ipxe.foreign packet: foreignIpxe: chain, and this iPXE is ours'],
      `script.url config: ${SCRIPT_URL}`,
    ],
  },
  {
    name: 'foreignIpxe: chain with no loader on disk gives the script',
    in: world().network({ foreignIpxe: 'chain' }).firmware('undionly.kpxe'),
    ask: (w) => w.asksDhcp(STRANGER, ipxe),
    action: `script-url ${SCRIPT_URL}`,
    steps: [
      ...[NOBODY, ALL, 'ipxe.foreign config: foreignIpxe: chain, and this iPXE is not ours'],
      'loader.select config: no loader for uefi-x64',
      `script.url config: ${SCRIPT_URL}`,
    ],
  },
  {
    name: 'E07: iPXE without HTTP gets a whole iPXE over TFTP, on BIOS never one that needs UNDI',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'ipxe', arch: 'bios-x86', transport: 'tftp' }),
    action: 'boot-file ipxe.pxe over tftp as ipxe',
    steps: [NOBODY, ALL, 'loader.select config: ipxe.pxe over tftp (table)'],
  },
]

const POLICY: readonly Row[] = [
  {
    name: 'X13: an operating system gets an address alone, known or not',
    in: world().labNodes(),
    ask: (w) => w.asksDhcp(NODE01, os),
    action: 'no-boot an operating system asks for an address only',
    steps: [KNOWN, ALL],
  },
  {
    name: 'clients: known ignores strangers',
    in: world().network({ clients: 'known' }),
    ask: (w) => w.asksDhcp(STRANGER, uefi),
    action: 'ignore clients: known, and no node describes it',
    steps: [NOBODY, 'clients.policy config: clients: known, and no node describes it'],
  },
  {
    name: 'clients: known answers nodes',
    in: world().labNodes().network({ clients: 'known' }),
    ask: (w) => w.asksDhcp(NODE01, bios),
    action: 'boot-file undionly.kpxe over tftp',
    steps: [
      KNOWN,
      'clients.policy config: clients: known',
      'loader.select config: undionly.kpxe over tftp (table)',
    ],
  },
  {
    name: 'clients: netboot ignores the operating system of a stranger',
    in: world().network({ clients: 'netboot' }),
    ask: (w) => w.asksDhcp(STRANGER, os),
    action: 'ignore clients: netboot, and it does not netboot and no node describes it',
    steps: [
      NOBODY,
      'clients.policy config: clients: netboot, and it does not netboot and no node describes it',
    ],
  },
  {
    name: 'clients: netboot answers the operating system of a node',
    in: world().labNodes().network({ clients: 'netboot' }),
    ask: (w) => w.asksDhcp(NODE01, os),
    action: 'no-boot an operating system asks for an address only',
    steps: [KNOWN, 'clients.policy config: clients: netboot'],
  },
  {
    name: 'unknown: ignore gives a stranger an address and nothing to boot',
    in: world().unknown('ignore'),
    ask: (w) => w.asksDhcp(STRANGER, ipxe),
    action: 'no-boot unknown: ignore',
    steps: [NOBODY, ALL, 'unknown.policy config: unknown: ignore'],
  },
  {
    name: 'unknown: ignore does not concern nodes',
    in: world().labNodes().unknown('ignore'),
    ask: (w) => w.asksDhcp(NODE01, bios),
    action: 'boot-file undionly.kpxe over tftp',
    steps: [KNOWN, ALL, 'loader.select config: undionly.kpxe over tftp (table)'],
  },
]

testRows('where a ROM goes next', ROMS)
testRows('where iPXE goes next', IPXE)
testRows('who is told where to go', POLICY)

describe('DHCP answers are stable', () => {
  const worlds = ['menu', 'local', 'ignore'] as const
  const clients = ['all', 'netboot', 'known'] as const
  for (const policy of worlds)
    for (const welcome of clients)
      test(`unknown: ${policy}, clients: ${welcome}: no step uses state or the clock, whatever the leases`, () => {
        const empty = world().labNodes().unknown(policy).network({ clients: welcome })
        const busy = world().labNodes().unknown(policy).network({ clients: welcome })
        busy.lease('10.77.0.11', STRANGER).lease('10.77.0.100', NODE01).after(9_999_999)
        for (const mac of [NODE01, STRANGER])
          for (const stage of ['rom', 'ipxe', 'os'] as const)
            for (const { name: arch } of CLIENT_ARCHES) {
              const request = empty.asksDhcp(mac, { stage, arch })
              const decision = decide(request, empty.build())
              assert.ok(isStable(decision.trace), `${stage} ${arch}`)
              assert.deepEqual(decision, decide(request, busy.build()))
            }
      })
})

test('E11: an answer to a machine in a loop is not stable, and only that one', () => {
  const there = world().looping(STRANGER, 'snponly.efi')
  const stable = [STRANGER, NODE01].map((mac) =>
    isStable(decide(there.asksDhcp(mac, uefi), there.build()).trace),
  )
  assert.deepEqual(stable, [false, true])
})
