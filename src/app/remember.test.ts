import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dhcpPackets } from '../../test/helpers/dhcp-fixtures.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { mac, NODE01, STRANGER, type WorldBuilder, world } from '../../test/helpers/world.ts'
import type { ClientStage } from '../boot/decision.ts'
import { supposeMessage } from '../boot/suppose.ts'
import { type Mac, macToBytes, macWithDashes } from '../lib/mac.ts'
import { fromHex, toHex } from '../lib/text.ts'
import { otherByteOrder } from '../lib/uuid.ts'
import type { Node } from '../model/config.ts'
import { encodeDhcp4 } from '../protocol/dhcp4/encode.ts'
import { CHADDR } from '../protocol/dhcp4/message.ts'
import { answerDhcp } from './answer-dhcp.ts'
import { answerHttp } from './answer-http.ts'
import { commandNode } from './node-commands.ts'

const [UUID1, UUID2] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
const UUID3 = '33333333-3333-4333-8333-333333333333'
const FIRST = '10.77.0.11'
const OTHER = '10.77.0.150'

/** A node that gets an address from the pool. */
const NO_MAC = { macs: [], address: undefined } as unknown as Partial<Node>
const NO_UUID = { uuid: undefined } as unknown as Partial<Node>

/** A server whose memory and store live on, and whose process does not. */
class Server {
  readonly there: WorldBuilder
  readonly store = new MemoryStore()
  #life: ReturnType<typeof running>

  constructor(one: Partial<Node> = {}, two: Partial<Node> = {}) {
    this.there = world()
      .labNodes()
      .replaceNode('node01', { uuid: UUID1, serial: 'SER-1', ...one })
      .replaceNode('node02', { uuid: UUID2, serial: 'SER-2', ...two })
      .profile('worker', { install: 'kernel' })
      .lease(FIRST, NODE01)
      .lease(OTHER, STRANGER)
    this.#life = running(this.there, this.store)
  }

  restart(): void {
    this.#life = running(this.there, this.store)
  }

  async install(node = 'node01'): Promise<void> {
    const command = { node, kind: 'install', profile: 'worker', id: 'a'.repeat(32) } as const
    assert.equal((await commandNode(command, this.#life.running)).kind, 'done')
  }

  async dhcp(
    client: Mac,
    shown: { readonly uuid?: string; readonly clientId?: string },
    stage: ClientStage = 'rom',
  ): Promise<void> {
    const { uuid, clientId } = shown
    const message = {
      type: 'DISCOVER',
      ...(clientId === undefined ? {} : { clientId: fromHex(clientId) ?? assert.fail() }),
      options: uuid === undefined ? [] : [{ code: 97, data: Uint8Array.of(0, ...asSmbios(uuid)) }],
    } as const
    const asked = supposeMessage({
      ...{ mac: client, arch: 'uefi-x64', stage, via: 'dhcp', form: 'ipxe', message },
    })
    await this.receive(encodeDhcp4(asked))
  }

  async receive(message: Uint8Array): Promise<void> {
    await answerDhcp(message, this.#life.on, this.#life.running)
  }

  async ask(path: string, peer: string): Promise<string> {
    const [name = '', query = ''] = path.split('?')
    const request = {
      ...{ method: 'GET', path: `/boot/${name}`, query: new URLSearchParams(query), peer },
      readBody: () => Promise.resolve(''),
    }
    const health = () => assert.fail('nobody asks for the health')
    const answer = await answerHttp(request, this.#life.on, this.#life.running, health)
    return answer.kind === 'text' ? answer.body : `file ${answer.path}`
  }
}

function asSmbios(uuid: string): Uint8Array {
  return fromHex(otherByteOrder(uuid).replaceAll('-', '')) ?? assert.fail(uuid)
}

/** The DISCOVER and the REQUEST of GRUB's `net_bootp`, packets 17 and 19 of the capture, as of this card. */
function grubAsks(client: Mac): readonly Uint8Array[] {
  const asked = dhcpPackets('uefi-edk2-grub-netbootp-linux').filter(
    ({ number }) => number === 17 || number === 19,
  )
  assert.equal(asked.length, 2)
  return asked.map(({ frame }) => {
    const own = new Uint8Array(frame.payload)
    own.set(macToBytes(client), CHADDR.at)
    return own
  })
}

const hex = (text: string): string => toHex(new TextEncoder().encode(text))
const installs = (script: string): boolean => script.includes('centra.intent=install')
const isConflict = (script: string): boolean => script.includes('nobody can tell which machine this is')
const own = macWithDashes(NODE01)
/** All that iPXE tells when it asks for its script. */
const whole = (says: { uuid?: string; serial?: string; asset?: string }): string =>
  `uuid=${says.uuid ?? ''}&serial=${hex(says.serial ?? '')}&asset=${hex(says.asset ?? '')}&arch=x86_64&platform=efi`

describe('a conflict stays one', () => {
  const FORMS = ['grub', 'pxelinux', 'ipxe'] as const

  for (const [what, shown] of [
    ['the UUID of another node', { uuid: UUID2 }],
    ['the client identifier of another node', { clientId: '00aabb' }],
  ] as const)
    test(`${what} in DHCP counts for scripts that are asked for by MAC, also after a restart`, async () => {
      const server = new Server({}, { clientIds: ['00aabb'] })
      await server.install()
      await server.dhcp(NODE01, shown)
      for (const life of ['the same', 'the next']) {
        for (const form of FORMS) {
          const script = await server.ask(`${own}.${form}`, FIRST)
          assert.ok(isConflict(script) && !installs(script), `${form} of ${life} life: ${script}`)
        }
        assert.match(await server.ask(`${own}.efi`, FIRST), /nobody can tell/)
        server.restart()
      }
    })

  test('a loader that shows no UUID over DHCP does not take back what the firmware showed', async () => {
    const server = new Server()
    await server.install()
    await server.dhcp(NODE01, { uuid: UUID2 })
    await server.dhcp(NODE01, {}, 'ipxe')
    assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)))
    await server.dhcp(NODE01, {})
    assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)), 'nor does firmware that shows none')
    await server.dhcp(NODE01, { uuid: UUID1 })
    assert.ok(installs(await server.ask(`${own}.grub`, FIRST)), 'firmware with another does')
  })

  test("GRUB's own DHCP does not take back what the firmware showed", async () => {
    const server = new Server()
    await server.install()
    await server.dhcp(NODE01, { uuid: UUID2 })
    for (const message of grubAsks(NODE01)) {
      await server.receive(message)
      assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)))
    }
    server.restart()
    assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)))
  })

  for (const [what, dhcp, said] of [
    ['DHCP', UUID2, UUID1],
    ['the script', UUID1, UUID2],
  ] as const)
    test(`two UUIDs of one boot, of another node the one in ${what}`, async () => {
      const server = new Server()
      await server.install()
      await server.dhcp(NODE01, { uuid: dhcp })
      for (const query of [`?${whole({ uuid: said })}`, '', `?${whole({ uuid: said })}`])
        assert.ok(isConflict(await server.ask(`${own}.ipxe${query}`, FIRST)), query)
      server.restart()
      assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)))
      await server.dhcp(NODE01, { uuid: UUID1 })
      assert.ok(installs(await server.ask(`${own}.ipxe?${whole({ uuid: UUID1 })}`, FIRST)), 'mended')
    })

  test("the firmware's UUID and iPXE's over DHCP", async () => {
    const server = new Server()
    await server.install()
    await server.dhcp(NODE01, { uuid: UUID2 })
    await server.dhcp(NODE01, { uuid: UUID1 }, 'ipxe')
    assert.ok(isConflict(await server.ask(`${own}.ipxe?${whole({ uuid: UUID1 })}`, FIRST)))
    await server.dhcp(NODE01, {})
    assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)), 'firmware began anew without one')
    assert.ok(installs(await server.ask(`${own}.ipxe?${whole({ uuid: UUID1 })}`, FIRST)), 'and iPXE said it')
    assert.ok(installs(await server.ask(`${own}.grub`, FIRST)))
  })

  test('a UUID in the other byte order is no other', async () => {
    const server = new Server()
    await server.install()
    await server.dhcp(NODE01, { uuid: UUID1 })
    assert.ok(installs(await server.ask(`${own}.ipxe?${whole({ uuid: otherByteOrder(UUID1) })}`, FIRST)))
  })

  test('what a machine said with its first request counts for all that follow, also after a restart', async () => {
    const server = new Server()
    await server.install()
    assert.ok(isConflict(await server.ask(`${own}.ipxe?${whole({ serial: 'SER-2' })}`, FIRST)))
    const later = [
      ...['', '?choice=worker&confirmed=yes', '?queued=yes'],
      '?failed=kernel&errno=4c126035&url=&choice=&again=yes',
    ]
    for (const life of ['the same', 'the next']) {
      for (const query of later) {
        const script = await server.ask(`${own}.ipxe${query}`, FIRST)
        assert.ok(isConflict(script) && !installs(script), `${query} in ${life} life`)
      }
      server.restart()
    }
  })

  test('it is on disk before the answer', async () => {
    const server = new Server()
    let flushed = 0
    server.store.flush = async () => {
      flushed += 1
      assert.equal(server.store.seen.at(-1)?.evidence?.dhcp?.uuid, UUID2)
    }
    await server.dhcp(NODE01, { uuid: UUID2 })
    assert.equal(flushed, 1)
    await server.dhcp(NODE01, { uuid: UUID2 })
    assert.equal(flushed, 1, 'once')
    await server.dhcp(mac('02:00:00:00:00:01'), { uuid: UUID2 })
    assert.equal(flushed, 1, 'of machines that nobody knows by their MAC nothing depends on it')
  })

  test('who shows something else each time does not keep the disk busy', async () => {
    const server = new Server()
    let flushed = 0
    server.store.flush = async () => {
      flushed += 1
    }
    for (let i = 0; i < 200; i += 1) await server.dhcp(NODE01, { uuid: i % 2 === 0 ? UUID2 : UUID3 })
    assert.equal(flushed, 10)
    assert.equal(
      server.store.seen.findLast(({ evidence }) => evidence !== undefined)?.evidence?.dhcp?.uuid,
      UUID3,
    )
    server.there.after(10_000)
    await server.dhcp(NODE01, { uuid: UUID2 })
    assert.equal(flushed, 11)
  })

  test('a restart does not make the second of two boards with one UUID the only one', async () => {
    const server = new Server(NO_MAC)
    await server.install()
    await server.dhcp(STRANGER, { uuid: UUID1 })
    const second = mac('52:54:00:aa:bb:dd')
    server.there.lease('10.77.0.151', second)
    server.restart()
    await server.dhcp(second, { uuid: UUID1 })
    for (const [client, peer] of [
      [STRANGER, OTHER],
      [second, '10.77.0.151'],
    ] as const)
      assert.ok(isConflict(await server.ask(`${macWithDashes(client)}.grub`, peer)), client)
  })
})

describe('a machine that shows something else is believed', () => {
  test('a full identification replaces what was said, and nothing less does', async () => {
    const server = new Server()
    await server.install()
    await server.ask(`${own}.ipxe?${whole({ serial: 'SER-2' })}`, FIRST)
    await server.ask(`${own}.ipxe?choice=info&asset=${hex('A1')}`, FIRST)
    assert.ok(isConflict(await server.ask(`${own}.ipxe`, FIRST)))
    assert.ok(installs(await server.ask(`${own}.ipxe?${whole({ uuid: UUID1, serial: 'SER-1' })}`, FIRST)))
    server.restart()
    assert.ok(installs(await server.ask(`${own}.grub`, FIRST)), 'also after a restart')
  })

  test('DHCP of a repaired machine replaces what DHCP showed', async () => {
    const server = new Server()
    await server.install()
    await server.dhcp(NODE01, { uuid: UUID2 })
    await server.dhcp(NODE01, { uuid: UUID1 })
    server.restart()
    assert.ok(installs(await server.ask(`${own}.grub`, FIRST)))
  })

  test('forged requests from other addresses than the lease change nothing', async () => {
    const server = new Server()
    await server.install()
    await server.ask(`${own}.ipxe?${whole({ serial: 'SER-2' })}`, OTHER)
    await server.ask(`${own}.ipxe?${whole({ serial: 'SER-2' })}`, '10.77.0.66')
    assert.ok(installs(await server.ask(`${own}.ipxe`, FIRST)))
    assert.match(await server.ask(`${macWithDashes(STRANGER)}.ipxe`, OTHER), /the menu of/)
    await server.ask(`${own}.ipxe?${whole({ serial: 'SER-2' })}`, FIRST)
    await server.ask(`${own}.ipxe?${whole({ uuid: UUID1, serial: 'SER-1' })}`, OTHER)
    assert.ok(isConflict(await server.ask(`${own}.ipxe`, FIRST)))
  })
})

describe('a machine that is known by its serial number alone', () => {
  const stranger = macWithDashes(STRANGER)
  const known = () => new Server({ ...NO_MAC, ...NO_UUID })

  test('is still known when it tries again', async () => {
    const server = known()
    await server.install()
    assert.ok(installs(await server.ask(`${stranger}.ipxe?${whole({ serial: 'SER-1' })}`, OTHER)))
    assert.ok(installs(await server.ask(`${stranger}.ipxe`, OTHER)))
    assert.ok(installs(await server.ask(`${stranger}.ipxe?failed=kernel&again=yes`, OTHER)))
  })

  test("is still known after GRUB's own DHCP", async () => {
    const server = known()
    await server.install()
    await server.ask(`${stranger}.ipxe?${whole({ serial: 'SER-1' })}`, OTHER)
    for (const message of grubAsks(STRANGER)) await server.receive(message)
    assert.ok(installs(await server.ask(`${stranger}.grub`, OTHER)))
  })

  test('is not when the same card begins anew in what may be another machine', async () => {
    const server = known()
    await server.install()
    await server.ask(`${stranger}.ipxe?${whole({ serial: 'SER-1' })}`, OTHER)
    await server.dhcp(STRANGER, {})
    assert.match(await server.ask(`${stranger}.grub`, OTHER), /the menu of/)
  })

  test('what a card said in an earlier boot speaks against a node that it is by its MAC', async () => {
    const server = new Server(NO_UUID, NO_UUID)
    await server.install()
    await server.ask(`${own}.ipxe?${whole({ uuid: UUID1, serial: 'SER-2' })}`, FIRST)
    await server.dhcp(NODE01, {})
    assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)))
    await server.dhcp(NODE01, { uuid: UUID1 })
    assert.ok(isConflict(await server.ask(`${own}.grub`, FIRST)))
    await server.dhcp(NODE01, { uuid: UUID2 })
    assert.ok(installs(await server.ask(`${own}.grub`, FIRST)), 'another UUID is another machine')
  })
})

test('a node that an earlier message showed by its client identifier is the node that has it now', async () => {
  const server = new Server({ ...NO_MAC, clientIds: ['00aabb'] })
  await server.install()
  await server.dhcp(STRANGER, { clientId: '00aabb' }, 'os')
  assert.ok(installs(await server.ask(`${macWithDashes(STRANGER)}.grub`, OTHER)))
  server.there.replaceNode('node01', { clientIds: ['00ccdd'] })
  server.restart()
  assert.ok(!installs(await server.ask(`${macWithDashes(STRANGER)}.grub`, OTHER)))
})

test('what is no news is not written again, and nothing of a machine that nobody describes', async () => {
  const server = new Server()
  await server.dhcp(NODE01, { uuid: UUID1 })
  const kept = () => server.store.seen.filter(({ evidence }) => evidence !== undefined).length
  const { evidence } = server.store.seen.at(-1) ?? {}
  assert.deepEqual(evidence, { dhcp: { uuid: UUID1, arch: 'uefi-x64' } })
  const after = kept()
  for (let i = 0; i < 200; i += 1) await server.dhcp(NODE01, { uuid: UUID1 })
  assert.ok(kept() - after < 40, 'only what the timeline tells anyway')
  await server.dhcp(mac('02:00:00:00:00:01'), { uuid: '33333333-3333-4333-8333-333333333333' })
  assert.equal(server.store.seen.at(-1)?.evidence, undefined)
})
