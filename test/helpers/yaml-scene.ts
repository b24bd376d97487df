import assert from 'node:assert/strict'
import { answerDhcp } from '../../src/app/answer-dhcp.ts'
import { loadConfig } from '../../src/app/load-config.ts'
import type { Running } from '../../src/app/running.ts'
import type { ServedNetwork } from '../../src/app/served-network.ts'
import type { DhcpSender } from '../../src/app/think-dhcp.ts'
import { takePicture } from '../../src/app/world.ts'
import type { ClientStage } from '../../src/boot/decision.ts'
import type { DhcpReply } from '../../src/boot/reply-dhcp.ts'
import { type SupposedMessage, supposeMessage } from '../../src/boot/suppose.ts'
import { wantedPlanes } from '../../src/daemon/wanted-planes.ts'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { optionIpv4 } from '../../src/protocol/dhcp4/options.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { MemoryDisk, MemoryStore, running } from './memory.ts'
import { mac, type WorldBuilder, world } from './world.ts'

const FILE = '/etc/centra-pxe.yaml'

/** A server without sockets on a configuration; each network has its `address:`, which is there. */
export interface YamlScene {
  readonly there: WorldBuilder
  readonly store: MemoryStore
  readonly running: Running
  /** Where the messages of a network's link come in. */
  readonly on: (network: string) => ServedNetwork
  /** An operating system's message as it would come in; the reply in a line, `silence` for none. */
  readonly ask: (client: string, message: SupposedMessage, change?: Partial<Asking>) => Promise<string>
  /** The same, with the reply. */
  readonly send: (
    client: string,
    message: SupposedMessage,
    change?: Partial<Asking>,
  ) => Promise<DhcpReply | undefined>
  /** The durable leases that run, `network address client`, sorted. */
  readonly bound: () => readonly string[]
}

interface Asking {
  readonly at: string
  readonly sender: DhcpSender
  readonly stage: ClientStage
  readonly edit: (message: DhcpMessage) => DhcpMessage
}

export async function yamlScene(text: string): Promise<YamlScene> {
  const disk = new MemoryDisk({
    [FILE]: `version: 1\n${text}`,
    '/srv/vmlinuz': 'kernel',
    '/usr/lib/ipxe/undionly.kpxe': 'loader',
    '/usr/lib/ipxe/snponly.efi': 'loader',
    '/usr/lib/ipxe/shimx64.efi': 'loader',
  })
  const { config, problems } = await loadConfig(FILE, disk)
  assert.ok(config, JSON.stringify(problems))
  const [there, store] = [world(), new MemoryStore()]
  const made = running(there, store).running
  made.picture = await takePicture(config, disk)
  const { networks } = config
  const planes = wantedPlanes(networks, { on: (_, __, wanted) => wanted, has: () => true })
  const on = (name: string): ServedNetwork => {
    const found = planes.find((one) => one.kind === 'open' && one.served.network.name === name)
    assert.ok(found?.kind === 'open', `${name} has sockets`)
    return found.served
  }
  const scene: YamlScene = {
    ...{ there, store, running: made, on },
    send: (
      client,
      message,
      { at = networks[0]?.name ?? '', sender, stage = 'os', edit = (same: DhcpMessage) => same } = {},
    ) =>
      answerDhcp(
        encodeDhcp4(edit(supposeMessage({ ...CLIENT, mac: mac(client), stage, message }))),
        on(at),
        made,
        sender,
      ),
    ask: async (client, message, change) => inALine(await scene.send(client, message, change)),
    bound: () =>
      [...made.leases.all()]
        .filter(({ state, expiresAt }) => state === 'bound' && expiresAt > there.now)
        .map((lease) => `${lease.network} ${formatIpv4(lease.address)} ${lease.mac}`)
        .sort(),
  }
  return scene
}

const CLIENT = { arch: 'uefi-x64', via: 'dhcp', form: 'ipxe' } as const

/** `OFFER 10.77.0.100 of 10.77.0.1 router 10.77.0.254 by broadcast`. */
function inALine(reply: DhcpReply | undefined): string {
  if (reply === undefined) return 'silence'
  const { type, message, destination, source } = reply
  const [server, router] = [OPTION.serverIdentifier, OPTION.router].map((code) => optionIpv4(message, code))
  return [
    type,
    ...(message.yiaddr === 0 ? [] : [formatIpv4(message.yiaddr)]),
    ...(server === undefined ? [] : [`of ${formatIpv4(server)}`]),
    ...(router === undefined ? [] : [`router ${formatIpv4(router)}`]),
    ...(source === undefined || source === server ? [] : [`from ${formatIpv4(source)}`]),
    'address' in destination ? `to ${formatIpv4(destination.address)}` : `by ${destination.kind}`,
  ].join(' ')
}
