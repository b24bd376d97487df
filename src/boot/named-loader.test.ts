import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL, bios, NOBODY, type Row, testRows, uefi } from '../../test/helpers/decision-rows.ts'
import { NODE01, STRANGER, world } from '../../test/helpers/world.ts'
import { overrides } from './named-loader.ts'

const NAMED: readonly Row[] = [
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
    name: 'a client of no known architecture never gets a file of the table, whoever names it',
    in: world().node('odd', STRANGER, { loader: 'ipxe.efi' }),
    ask: (w) => w.asksDhcp(STRANGER, { stage: 'rom', archCode: 0x7fff }),
    action: 'no-boot no loader for architecture 32767',
    steps: [
      ...['node.match inventory: odd by mac', ALL],
      'loader.select config: no loader for architecture 32767',
    ],
  },
]

testRows('a loader that the configuration names', NAMED)

test('the profile that is commanded may be the usual one: it names its loader once', () => {
  const there = world().profile('worker', { loader: 'ipxe.efi' })
  const request = there.asksDhcp(NODE01, uefi)
  const asked = { request, world: there.build(), node: undefined, profile: 'worker', steps: [] }
  assert.deepEqual(overrides({ ...asked, commanded: 'worker' }), overrides(asked))
})
