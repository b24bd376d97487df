import assert from 'node:assert/strict'
import { test } from 'node:test'
import { world } from '../../test/helpers/world.ts'
import { labView } from './lab-view.ts'

test('in the lab Centra PXE is the DHCP server of every network but those that are off', () => {
  for (const [dhcp, expected] of [
    ['observe', 'server'],
    ['proxy', 'server'],
    ['server', 'server'],
    ['off', 'off'],
  ] as const) {
    const { networks } = labView(world().network({ dhcp }).config(), {})
    assert.deepEqual(
      networks.map((network) => network.dhcp),
      [expected],
    )
  }
})

test("the payload's files take the place of every image's, and its command line stays", () => {
  const config = world().config()
  const payload = { kernel: '/cache/vmlinuz', initrd: '/cache/initrd.img' }
  const image = labView(config, { payload }).images.get('debian-live')
  assert.deepEqual(image, {
    ...config.images.get('debian-live'),
    kernel: '/cache/vmlinuz',
    initrd: ['/cache/initrd.img'],
  })
  assert.deepEqual(labView(config, {}).images, config.images)
})
