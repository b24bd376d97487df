import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ip, mac, NODE01, network, STRANGER } from '../../test/helpers/world.ts'
import { classifyOwnName, isOfAWalk, type OwnName, readOwnName } from './own-name.ts'

const UUID = '12345678-1234-5678-9abc-def012345678'
const MAC = mac('52:54:00:12:34:56')

describe('names that loaders look for', () => {
  const names: readonly (readonly [name: string, OwnName])[] = [
    ['pxelinux.cfg/01-52-54-00-12-34-56', { form: 'pxelinux', of: { kind: 'mac', mac: MAC } }],
    ['boot/pxelinux.cfg/01-52-54-00-12-34-56', { form: 'pxelinux', of: { kind: 'mac', mac: MAC } }],
    ['pxelinux.cfg/52-54-00-12-34-56', { form: 'pxelinux', of: { kind: 'mac', mac: MAC } }],
    [`pxelinux.cfg/${UUID}`, { form: 'pxelinux', of: { kind: 'uuid', uuid: UUID } }],
    ['pxelinux.cfg/0A4D000B', { form: 'pxelinux', of: { kind: 'address', address: ip('10.77.0.11') } }],
    ['pxelinux.cfg/default', { form: 'pxelinux', of: { kind: 'anyone' } }],
    ['pxelinux.cfg/default-arm-bcm283x-rpi', { form: 'pxelinux', of: { kind: 'anyone' } }],
    [
      'pxelinux.cfg/01-52-54-00-12-34-56/worker',
      { form: 'pxelinux', of: { kind: 'mac', mac: MAC }, choice: 'worker' },
    ],
    [
      'pxelinux.cfg/01-52-54-00-12-34-56/all-in-one/confirmed',
      { form: 'pxelinux', of: { kind: 'mac', mac: MAC }, choice: 'all-in-one', confirmed: true },
    ],
    ['grub.cfg', { form: 'grub', of: { kind: 'anyone' } }],
    ['grub/x86_64-efi/grub.cfg', { form: 'grub', of: { kind: 'anyone' } }],
    ['grub/grub.cfg-01-52-54-00-12-34-56', { form: 'grub', of: { kind: 'mac', mac: MAC } }],
    ['grub/grub.cfg-52-54-00-12-34-56', { form: 'grub', of: { kind: 'mac', mac: MAC } }],
    ['grub/grub.cfg-52:54:00:12:34:56', { form: 'grub', of: { kind: 'mac', mac: MAC } }],
    [
      'grub.cfg-01-52-54-00-12-34-56/all-in-one/confirmed+queued',
      {
        ...{ form: 'grub', of: { kind: 'mac', mac: MAC }, choice: 'all-in-one', confirmed: true },
        because: 'queued',
      },
    ],
    [
      'grub.cfg-01-52-54-00-12-34-56+failed',
      { form: 'grub', of: { kind: 'mac', mac: MAC }, because: 'failed' },
    ],
    [`grub/grub.cfg-${UUID}`, { form: 'grub', of: { kind: 'uuid', uuid: UUID } }],
    ['grub/grub.cfg-0A4D000B', { form: 'grub', of: { kind: 'address', address: ip('10.77.0.11') } }],
  ]
  for (const [name, own] of names)
    test(name, () => {
      assert.deepEqual(readOwnName(name), own)
      assert.equal(isOfAWalk(name), true)
    })

  test('others are none: parts of an address, other files, more than one choice', () => {
    for (const name of [
      ...['pxelinux.cfg/0A4D000', 'pxelinux.cfg/C', 'grub.cfg-0A4D', 'pxelinux.cfg', 'pxelinux.cfg/'],
      ...['pxelinux.0', 'grubx64.efi', 'xgrub.cfg', 'grub.cfg.bak', 'pxelinux.cfg/01-52-54-00-12-34-56/a/b'],
      ...['grub.cfg-01-52-54-00-12-34-56+other', 'grub.cfg-01-52-54-00-12-34-56/worker/x', 'grub.cfg+failed'],
      ...['pxelinux.cfg/01-52-54-00-12-34-56/A', 'pxelinux.cfg/01-52-54-00-12-34-56/worker/confirmed/x'],
      ...[`pxelinux.cfg/${'a'.repeat(500)}`],
    ])
      assert.equal(readOwnName(name), undefined, name)
  })
})

describe('whose name it is', () => {
  const there = network('10.77.0.0/24')
  const ingress = { network: 'provisioning', server: ip('10.77.0.1') }
  const ask = (
    name: string,
    asker: typeof NODE01 | undefined,
    dhcp = there.dhcp,
  ): readonly [mac: string, isForNode: boolean] | undefined => {
    const own = readOwnName(name)
    assert.ok(own)
    const by = { peer: '10.77.0.11', mac: asker, network: { ...there, dhcp } }
    const asked = classifyOwnName(own, by, ingress, 'tftp')
    return asked === undefined ? undefined : [asked.boot.client.mac ?? '', asked.isForNode]
  }
  const byMac = `pxelinux.cfg/01-${STRANGER.replaceAll(':', '-')}`

  test("the asker's own names are its", () => {
    for (const name of [byMac, 'pxelinux.cfg/0A4D000B', 'pxelinux.cfg/default', 'grub/grub.cfg'])
      assert.deepEqual(ask(name, STRANGER), [STRANGER, false], name)
  })

  test("another machine's name is a described machine's, or nobody's", () => {
    assert.deepEqual(ask(byMac, NODE01), [STRANGER, true])
    assert.deepEqual(ask(byMac, undefined), [STRANGER, true])
    for (const name of ['pxelinux.cfg/0A4D000C', 'grub/grub.cfg-0A4D000C'])
      assert.equal(ask(name, NODE01), undefined, name)
    for (const name of ['pxelinux.cfg/0A4D000B', 'pxelinux.cfg/default', `pxelinux.cfg/${UUID}`])
      assert.equal(ask(name, undefined), undefined, name)
  })

  test('where no lease can tell who asks, the name is believed', () => {
    for (const dhcp of ['off', 'observe'] as const)
      assert.deepEqual(ask(byMac, undefined, dhcp), [STRANGER, false])
    assert.deepEqual(ask(byMac, NODE01, 'off'), [STRANGER, true])
  })

  test("a UUID means the asker, and only when a node has it: machines' UUIDs are not unique", () => {
    assert.deepEqual(ask(`pxelinux.cfg/${UUID}`, NODE01), [NODE01, true])
  })
})
