import assert from 'node:assert/strict'
import { test } from 'node:test'
import { network, world } from '../../test/helpers/world.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import { imageFiles, linuxVariants } from '../model/image.ts'
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
      networks.map((network) => [network.dhcp, network.probe]),
      [[expected, dhcp === 'off']],
      'and there is nobody else to ask for',
    )
  }
})

test('a network without a pool gets the upper half of its subnet', () => {
  for (const [subnet, expected] of [
    ['10.77.0.0/24', '10.77.0.127-10.77.0.254'],
    ['10.0.0.0/8', '10.255.255.1-10.255.255.254'],
    ['10.0.0.0/30', '10.0.0.1-10.0.0.2'],
  ] as const) {
    const { networks } = labView(
      world()
        .network({ ...network(subnet), pools: [] })
        .config(),
      {},
    )
    const [pool] = networks[0]?.pools ?? []
    assert.ok(pool !== undefined)
    assert.equal(`${formatIpv4(pool.first)}-${formatIpv4(pool.last)}`, expected)
  }
  const own = world().config()
  assert.deepEqual(labView(own, {}).networks[0]?.pools, own.networks[0]?.pools)
})

test("the payload's files take the place of every image's, and its command line stays", () => {
  const config = world().config()
  const payload = { kernel: '/cache/vmlinuz', initrd: '/cache/initrd.img' }
  const image = labView(config, { payload }).images.get('debian-live')
  assert.deepEqual(image, {
    ...config.images.get('debian-live'),
    variants: linuxVariants('/cache/vmlinuz', ['/cache/initrd.img']),
  })
  assert.deepEqual(labView(config, {}).images, config.images)
})

test("the lab's payload in place of every image, also of one that only the image store has", () => {
  const payload = { kernel: '/p/linux', initrd: '/p/initrd' }
  const config = world().profile('worker', { image: 'stored' }).config()
  const origin = { file: 'c', line: 1, column: 1 }
  const profiles = [...config.profiles.values()].map((profile) => ({ ...profile, origin }))
  const written = { ...config, profiles: new Map(profiles.map((profile) => [profile.name, profile])) }
  const { images } = labView(written, { payload })
  assert.deepEqual(
    [...images.values()].map((image) => [image.name, ...imageFiles(image), image.cmdline]),
    [
      ['debian-live', '/p/linux', '/p/initrd', ['quiet']],
      ['stored', '/p/linux', '/p/initrd', []],
    ],
  )
  assert.equal(labView(written, {}).images, written.images)
})
