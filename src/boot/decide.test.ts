import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NODE01, NODE02, STRANGER, told, type WorldBuilder, world } from '../../test/helpers/world.ts'
import { isStable } from '../model/rules.ts'
import { CLIENT_ARCHES } from '../protocol/iana/arch.ts'
import { decide } from './decide.ts'
import type { Action, BootRequest } from './decision.ts'

const NONCE = 'boot.nonce state: of its boot attempt, to its own lease alone'

interface Row {
  readonly name: string
  readonly in: WorldBuilder
  readonly ask: (world: WorldBuilder) => BootRequest
  readonly action: string
  readonly steps: readonly string[]
}

const ALL = 'clients.policy config: clients: all'
const NOBODY = `node.match inventory: no node has ${STRANGER}`
const KNOWN = 'node.match inventory: node01 by mac'
const SCRIPT_URL = 'http://10.77.0.1:8080/boot.ipxe'

const NO_X64 =
  'no loader for uefi-x64: snponly.efi, snponly-amd64.efi, ipxe.efi or ipxe-amd64.efi is missing in /usr/lib/ipxe; `centra-pxe firmware fetch` brings it'
const NO_ARM64 =
  'no loader for uefi-arm64: snponly-arm64.efi or ipxe-arm64.efi is missing in /usr/lib/ipxe; `centra-pxe firmware fetch --suite sid` brings it'
const NO_PI =
  "no boot files for a Raspberry Pi: config.txt, bootcode.bin or boot.img is missing in /usr/lib/ipxe; UEFI for the model, or its system's boot folder, has them"

const bios = { stage: 'rom', arch: 'bios-x86' } as const
const uefi = { stage: 'rom', arch: 'uefi-x64' } as const
const ipxe = { stage: 'ipxe', arch: 'uefi-x64' } as const
const os = { stage: 'os' } as const

const WHERE_NEXT: readonly Row[] = [
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
    name: 'the loader of a node is taken before that of its profile',
    in: world()
      .node('n1', NODE01, { profile: 'worker', loader: 'ipxe.efi' })
      .profile('worker', { loader: 'ipxe-amd64.efi' }),
    ask: (w) => w.asksDhcp(NODE01, uefi),
    action: 'boot-file ipxe.efi over tftp',
    steps: ['node.match inventory: n1 by mac', ALL, 'loader.select inventory: ipxe.efi over tftp (node n1)'],
  },
  {
    name: 'the loader of a profile, by architecture',
    in: world()
      .node('n1', NODE01, { profile: 'worker' })
      .profile('worker', { loader: { 'uefi-x64': 'ipxe.efi' } }),
    ask: (w) => w.asksDhcp(NODE01, uefi),
    action: 'boot-file ipxe.efi over tftp',
    steps: [
      'node.match inventory: n1 by mac',
      ALL,
      'loader.select config: ipxe.efi over tftp (profile worker)',
    ],
  },
  {
    name: 'the loader of a network, for machines of which nobody names another',
    in: world().network({ loader: { 'uefi-x64': 'ipxe.efi' } }),
    ask: (w) => w.asksDhcp(STRANGER, uefi),
    action: 'boot-file ipxe.efi over tftp',
    steps: [NOBODY, ALL, 'loader.select config: ipxe.efi over tftp (network provisioning)'],
  },
  {
    name: 'the loader of a network gives way to that of a profile',
    in: world()
      .network({ loader: 'snponly.efi' })
      .node('n1', NODE01, { profile: 'worker' })
      .profile('worker', { loader: 'ipxe.efi' }),
    ask: (w) => w.asksDhcp(NODE01, uefi),
    action: 'boot-file ipxe.efi over tftp',
    steps: [
      'node.match inventory: n1 by mac',
      ALL,
      'loader.select config: ipxe.efi over tftp (profile worker)',
    ],
  },
  {
    name: 'a named loader that is not on disk is missed by its name, not replaced',
    in: world().node('n1', NODE01, { loader: 'my.efi' }),
    ask: (w) => w.asksDhcp(NODE01, uefi),
    action: 'no-boot my.efi (node n1) is missing in /usr/lib/ipxe',
    steps: [
      'node.match inventory: n1 by mac',
      ALL,
      'loader.select config: my.efi (node n1) is missing in /usr/lib/ipxe',
    ],
  },
  {
    name: 'a named loader of another architecture does not count, and the trace says so',
    in: world().node('n1', NODE01, { loader: 'snponly.efi' }),
    ask: (w) => w.asksDhcp(NODE01, bios),
    action: 'boot-file undionly.kpxe over tftp',
    steps: [
      'node.match inventory: n1 by mac',
      ALL,
      'loader.override inventory: node n1 says snponly.efi, not for bios-x86',
      'loader.select config: undionly.kpxe over tftp (table)',
    ],
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
    name: 'E11: what a node names stays, loop or not',
    in: world().node('n1', NODE01, { loader: 'snponly.efi' }).looping(NODE01, 'snponly.efi'),
    ask: (w) => w.asksDhcp(NODE01, uefi),
    action: 'boot-file snponly.efi over tftp',
    steps: [
      'node.match inventory: n1 by mac',
      ALL,
      'loader.select inventory: snponly.efi over tftp (node n1)',
    ],
  },
  {
    name: 'X29: a Raspberry Pi is pointed to its own names, where they are on disk',
    in: world().firmware('config.txt', 'start4.elf'),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'bios-x86', firmware: 'raspberry-pi' }),
    action: 'boot-file config.txt over tftp as raspberry-pi',
    steps: [NOBODY, ALL, "loader.select config: the Raspberry Pi's own names over tftp, config.txt first"],
  },
  {
    name: 'a Raspberry Pi without its files is never given a loader for BIOS',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'bios-x86', firmware: 'raspberry-pi' }),
    action: `no-boot ${NO_PI}`,
    steps: [NOBODY, ALL, 'loader.select config: no boot files for a Raspberry Pi'],
  },
  {
    name: 'GRUB is told its server',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', firmware: 'grub' }),
    action: 'no-boot GRUB asks for an address and its server, next server',
    steps: [NOBODY, ALL, 'loader.select config: GRUB asks for an address and its server'],
  },
  {
    name: 'ONIE installs nothing unless told',
    in: world().labNodes(),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', firmware: 'onie', transport: 'http' }),
    action: 'no-boot ONIE gets an installer only where a node or profile names one, loader: { onie: FILE }',
    steps: [
      KNOWN,
      ALL,
      'loader.select config: ONIE gets an installer only where a node or profile names one, loader: { onie: FILE }',
    ],
  },
  {
    name: 'ONIE gets the installer that its node names',
    in: world()
      .node('sw1', NODE01, { loader: { onie: 'onie-installer' } })
      .firmware('onie-installer'),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', firmware: 'onie', transport: 'http' }),
    action: 'boot-file onie-installer over http http://10.77.0.1:8080/firmware/onie-installer as onie',
    steps: [
      'node.match inventory: sw1 by mac',
      ALL,
      'loader.select inventory: onie-installer over http (node sw1)',
    ],
  },
  {
    name: 'petitboot gets the configuration that its node names, by URL',
    in: world()
      .node('p9', NODE01, { loader: { 'ppc-opal': 'p9.cfg' } })
      .firmware('p9.cfg'),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', arch: 'ppc-opal', firmware: 'petitboot' }),
    action: 'boot-file p9.cfg over http http://10.77.0.1:8080/firmware/p9.cfg as petitboot',
    steps: ['node.match inventory: p9 by mac', ALL, 'loader.select inventory: p9.cfg over http (node p9)'],
  },
  {
    name: 'U-Boot gets the file that its profile names',
    in: world()
      .node('sbc', NODE01, { profile: 'worker' })
      .profile('worker', { loader: { 'uboot-arm64': 'boot.scr' } })
      .firmware('boot.scr'),
    ask: (w) => w.asksDhcp(NODE01, { stage: 'rom', arch: 'uboot-arm64', firmware: 'u-boot' }),
    action: 'boot-file boot.scr over tftp as u-boot',
    steps: [
      'node.match inventory: sbc by mac',
      ALL,
      'loader.select config: boot.scr over tftp (profile worker)',
    ],
  },
  {
    name: 'a ROM that names no architecture',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom' }),
    action: 'no-boot the client names no architecture',
    steps: [NOBODY, ALL, 'loader.select config: the client names no architecture'],
  },
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
    name: 'a Raspberry Pi knows no name but its own, whatever its node says',
    in: world()
      .firmware('config.txt', 'my.efi')
      .node('pi', STRANGER, { loader: { 'arm-rpiboot': 'my.efi' } }),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'arm-rpiboot', firmware: 'raspberry-pi' }),
    action: 'boot-file config.txt over tftp as raspberry-pi',
    steps: [
      ...['node.match inventory: pi by mac', ALL],
      "loader.override inventory: node pi says my.efi, but a Raspberry Pi's ROM asks for names of its own",
      "loader.select config: the Raspberry Pi's own names over tftp, config.txt first",
    ],
  },
  {
    name: 'U-Boot without option 93 gets the file that its node names without an architecture',
    in: world().firmware('boot.scr').node('sbc', STRANGER, { loader: 'boot.scr' }),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', firmware: 'u-boot' }),
    action: 'boot-file boot.scr over tftp as u-boot',
    steps: [
      'node.match inventory: sbc by mac',
      ALL,
      'loader.select inventory: boot.scr over tftp (node sbc)',
    ],
  },
  {
    name: 'a client of no known architecture never gets a file of the table, whoever names it',
    in: world().node('odd', STRANGER, { loader: 'ipxe.efi' }),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', archCode: 0x7fff }),
    action: 'no-boot no loader for architecture 32767',
    steps: [
      ...['node.match inventory: odd by mac', ALL],
      'loader.select config: no loader for architecture 32767',
    ],
  },
  {
    name: 'U-Boot for which no loader is named is told its server, where it asks for names of its own',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', arch: 'uboot-arm64', firmware: 'u-boot' }),
    action:
      'no-boot no loader for uboot-arm64: a node or profile can name one, loader: { uboot-arm64: FILE }, next server',
    steps: [NOBODY, ALL, 'loader.select config: no loader for uboot-arm64'],
  },
  {
    name: 'E07: iPXE without HTTP gets a whole iPXE over TFTP, on BIOS never one that needs UNDI',
    in: world(),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'ipxe', arch: 'bios-x86', transport: 'tftp' }),
    action: 'boot-file ipxe.pxe over tftp as ipxe',
    steps: [NOBODY, ALL, 'loader.select config: ipxe.pxe over tftp (table)'],
  },
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

const WHAT_TO_RUN: readonly Row[] = [
  {
    name: 'a known MAC gets its profile with no question asked',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run' }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a choice does not change what a node runs',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'all-in-one' }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'E18: a stranger gets the menu, whose default is the local disk',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default local',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'what a stranger chose in the menu runs',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'worker' }, STRANGER),
    action: `script boot: ${STRANGER}: worker (debian-live), boots debian-live as worker`,
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: worker',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'E18: an unknown machine gets the local disk where unknown: says so, whatever it says it chose',
    in: world().unknown('local'),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'worker' }, STRANGER),
    action: 'script local-disk: unknown: local',
    steps: [NOBODY, 'unknown.policy config: unknown: local'],
  },
  {
    name: 'a profile with a warning asks first',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'all-in-one' }, STRANGER),
    action: 'script confirm: all-in-one: all-in-one is not for production: no high availability',
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: all-in-one',
      'image.select config: debian-live',
    ],
  },
  {
    name: 'the local disk, chosen or by time-out, is an answer like any other',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'local' }, STRANGER),
    action: 'script local-disk: the menu said so',
    steps: [NOBODY, 'unknown.policy config: unknown: menu', 'menu.choice packet: local'],
  },
  {
    name: 'rescue without an image says so and goes back',
    in: world().images(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'rescue' }, STRANGER),
    action:
      'script page: rescue; Nothing to boot: profile rescue has no image that is on disk; On the server: set profiles.rescue.image',
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: rescue',
      'image.select config: profile rescue has no image that is on disk',
    ],
  },
  {
    name: 'a choice that is no profile is told so and goes back',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'windows' }, STRANGER),
    action:
      'script page: windows; Nothing to boot: there is no profile windows; On the server: set profiles.windows.image',
    steps: [
      NOBODY,
      'unknown.policy config: unknown: menu',
      'menu.choice packet: windows',
      'image.select config: there is no profile windows',
    ],
  },
  {
    name: 'a profile without an image is not in the menu, and its default gives way to the local disk',
    in: world().profile('worker', { image: 'elsewhere' }).menuDefault('worker'),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane all-in-one, default local',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'the default of the menu can be a profile',
    in: world().menuDefault('worker'),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default worker',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'a node without a profile gets what unknown: says',
    in: world().node('node03', STRANGER),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default local',
    steps: [
      'node.match inventory: node03 by mac',
      'profile.select inventory: node03 names none',
      'unknown.policy config: unknown: menu',
    ],
  },
  {
    name: 'a node whose image went away boots its local disk, and says why',
    in: world().labNodes().images(),
    ask: (w) => w.asks('http', { kind: 'run' }, NODE02),
    action: 'script local-disk: profile worker has no image that is on disk',
    steps: [
      'node.match inventory: node02 by mac',
      'profile.select inventory: worker',
      'image.select config: profile worker has no image that is on disk',
    ],
  },
  {
    name: 'rescue can be what the menu does when nobody chooses, once it has an image',
    in: world().menuDefault('rescue'),
    ask: (w) => w.asks('http', { kind: 'run' }, STRANGER),
    action: 'script menu: control-plane worker all-in-one, default rescue',
    steps: [NOBODY, 'unknown.policy config: unknown: menu'],
  },
  {
    name: 'onFailure: rescue, of a profile that was not loaded',
    in: world().labNodes().profile('control-plane', { onFailure: 'rescue' }),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'rescue', confirmed: true }, NODE01),
    action: 'script boot: node01: rescue (debian-live), boots debian-live as rescue',
    steps: [
      KNOWN,
      'boot.on-failure config: rescue, as the profile control-plane says',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'without onFailure, a described machine boots its profile whatever it says was chosen',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', choice: 'rescue', confirmed: true }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a failure told late, of a choice: the choice again',
    in: world(),
    ask: (w) =>
      w.asks('http', { kind: 'run', failed: { step: 'menu' }, choice: 'worker', again: true }, STRANGER),
    action: `script boot: ${STRANGER}: worker (debian-live), boots debian-live as worker`,
    steps: [
      NOBODY,
      'boot.failed packet: step menu failed',
      'unknown.policy config: unknown: menu',
      'menu.choice packet: worker',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a failure told late gets what the machine runs now',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', failed: { step: 'menu' }, again: true }, NODE01),
    action: 'script boot: node01: control-plane (debian-live), boots debian-live as control-plane',
    steps: [
      KNOWN,
      'boot.failed packet: step menu failed',
      'profile.select inventory: control-plane',
      'image.select config: debian-live',
      'boot.queue state: boots: 32, as if nobody else loaded: it loads now',
      'cmdline.merge config: console 2 + image 1 + profile 1 + node 0 arguments',
      NONCE,
    ],
  },
  {
    name: 'a failed step gets the recovery menu',
    in: world().labNodes(),
    ask: (w) => w.asks('http', { kind: 'run', failed: { step: 'kernel', errno: '2d0c613b' } }, NODE01),
    action:
      'script recovery: kernel: Not found (HTTP 404). iPXE error 2d0c613b: https://ipxe.org/2d0c613b; The server does not have that file. Check its name and the profile that names it: it was removed, replaced by a newer version, or never there.',
    steps: [KNOWN, 'boot.failed packet: step kernel failed: Not found (HTTP 404), https://ipxe.org/2d0c613b'],
  },
  {
    name: 'iPXE that has not said who it is, is asked',
    in: world(),
    ask: (w) => w.asks('http', { kind: 'identify' }),
    action: 'script identify: http://10.77.0.1:8080',
    steps: [],
  },
  {
    name: 'E22: autoexec.ipxe is the same, and tells the card',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'identify', opens: true }, STRANGER),
    action: 'script identify: http://10.77.0.1:8080 by 52:54:00:aa:bb:cc',
    steps: [NOBODY],
  },
]

const FILES: readonly Row[] = [
  {
    name: 'a published loader, by the first name that fits',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: ['boot/undionly.kpxe', 'undionly.kpxe'] }),
    action: 'file undionly.kpxe',
    steps: ['file.publish config: undionly.kpxe'],
  },
  {
    name: 'T25: in any case',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: ['Boot/UNDIONLY.KPXE', 'UNDIONLY.KPXE'] }),
    action: 'file undionly.kpxe',
    steps: ['file.publish config: undionly.kpxe'],
  },
  {
    name: 'a name that is no loader is refused and escaped',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: ['etc/\n\x1b[31mpasswd'] }),
    action: 'refuse "etc/\\x0a\\x1b[31mpasswd" is not a published loader',
    steps: ['file.publish config: "etc/\\x0a\\x1b[31mpasswd" is not a published loader'],
  },
  {
    name: 'no name at all',
    in: world(),
    ask: (w) => w.asks('tftp', { kind: 'file', names: [] }),
    action: 'refuse the name is not a published loader',
    steps: ['file.publish config: the name is not a published loader'],
  },
]

for (const [title, rows] of [
  ['where to go next', WHERE_NEXT],
  ['what to run', WHAT_TO_RUN],
  ['files', FILES],
] as const)
  describe(title, () => {
    for (const row of rows)
      test(row.name, () => {
        const decision = decide(row.ask(row.in), row.in.build())
        assert.equal(describeAction(decision.action), row.action)
        assert.deepEqual(told(decision.trace), row.steps)
      })
  })

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

test('the kernel command line is consoles, image, then profile, then node, then ours', () => {
  const there = world().labNodes()
  const { action } = decide(there.asks('http', { kind: 'run' }, NODE02), there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(action.script.cmdline, [
    'console=tty0',
    'console=ttyS0,115200',
    'quiet',
    'centra.profile=worker',
    'console=ttyS1,115200',
    'BOOTIF=01-52-54-00-77-00-02',
    'centra.report=http://10.77.0.1:8080/v1/report/52-54-00-77-00-02',
  ])
})

test("an operator's argument of the same name wins over ours", () => {
  const there = world().node('node09', STRANGER, { profile: 'worker', cmdline: ['BOOTIF=eth7'] })
  const { action } = decide(there.asks('http', { kind: 'run' }, STRANGER), there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(
    action.script.cmdline.filter((argument) => argument.startsWith('BOOTIF')),
    ['BOOTIF=eth7'],
  )
})

test('a console that the operator names is named once, where the operator put it', () => {
  const there = world().node('node09', STRANGER, { profile: 'worker', cmdline: ['console=ttyS0,9600'] })
  const { action } = decide(there.asks('http', { kind: 'run' }, STRANGER), there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(
    action.script.cmdline.filter((argument) => argument.startsWith('console')),
    ['console=tty0', 'console=ttyS0,9600'],
  )
})

test('a machine that is no PC gets no console of a PC', () => {
  const there = world().labNodes()
  const ask = there.asks('http', { kind: 'run' }, NODE01)
  const { action } = decide({ ...ask, client: { ...ask.client, arch: 'uefi-arm64' } }, there.build())
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  assert.deepEqual(
    action.script.cmdline.filter((argument) => argument.startsWith('console')),
    [],
  )
})

test('steps cite the line of the configuration', () => {
  const there = world().labNodes()
  const { trace } = decide(there.asks('http', { kind: 'run' }, NODE02), there.build())
  assert.deepEqual(
    trace.map(({ cite }) => cite),
    [
      '/etc/centra-pxe/centra-pxe.yaml:41',
      '/etc/centra-pxe/centra-pxe.yaml:41',
      undefined,
      '/etc/centra-pxe/centra-pxe.yaml:10',
      '/etc/centra-pxe/centra-pxe.yaml:20',
      undefined,
    ],
  )
})

function describeAction(action: Action): string {
  switch (action.kind) {
    case 'boot-file':
      return [
        `boot-file ${action.file.name} over ${action.over}`,
        ...(action.url === undefined ? [] : [action.url]),
        ...(action.firmware === undefined ? [] : [`as ${action.firmware}`]),
      ].join(' ')
    case 'script-url':
      return `script-url ${action.url}`
    case 'file':
      return `file ${action.file.name}`
    case 'no-boot':
      return `no-boot ${action.reason}${action.nextServer === true ? ', next server' : ''}`
    case 'ignore':
    case 'refuse':
      return `${action.kind} ${action.reason}`
    case 'document':
      return `document ${action.document.name}`
    case 'script':
      return `script ${action.script.kind}: ${describeScript(action)}`
    default:
      return action satisfies never
  }
}

function describeScript({ script, boots }: Extract<Action, { kind: 'script' }>): string {
  switch (script.kind) {
    case 'boot':
      return `${script.title}, boots ${boots?.image} as ${boots?.profile}`
    case 'menu':
      return `${script.profiles.map(({ key }) => key).join(' ')}, default ${script.default}`
    case 'confirm':
      return `${script.profile.key}: ${script.warning}`
    case 'password':
      return [script.entry.key, ...script.lines].join('; ')
    case 'page':
      return [script.title, ...script.lines].join('; ')
    case 'local-disk':
      return script.because
    case 'recovery':
      return `${script.step}: ${script.lines.join('; ')}`
    case 'queue':
      return `number ${script.place} of ${script.waiting}, ${script.loading} load, again in ${script.retrySeconds} s`
    case 'identify':
      return script.opens?.card === undefined ? script.server : `${script.server} by ${script.opens.card}`
    case 'program':
      return `${script.title}, starts ${boots?.image} as ${boots?.profile}`
    case 'sanboot':
      return `${script.drive.url} for ${script.title}`
    case 'chain':
      return `${script.url} for ${script.title}`
    case 'refusal':
      return script.lines.join(' ')
    default:
      return script satisfies never
  }
}
