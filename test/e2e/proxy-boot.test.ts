import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeBridge, makeTap } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { openPlainPxeRelay } from '../../src/lab/plain-pxe-relay.ts'
import { type RunningMachine, startMachine } from '../../src/lab/qemu.ts'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import {
  bootFileName,
  ipxeFeatures,
  messageType,
  optionBytes,
  optionText,
  serverIdentifier,
} from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp, type UdpFrame } from '../../src/protocol/frame/ipv4-udp.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { startDnsmasq } from '../helpers/dhcp-servers.ts'
import { configWithPayload } from '../helpers/lab-run.ts'
import { type Capture, inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { centra, endAll, loggedEvents, type Running, startCentra } from '../helpers/server.ts'
import { mac as macOf } from '../helpers/world.ts'

/**
 * Real firmware beside another DHCP server: dnsmasq gives the addresses and knows nothing of booting, Centra PXE is
 * `dhcp: proxy`. From the power button to the report of the booted Linux.
 */
const dnsmasq = await unpackPeer('dnsmasq-base')
const absent = [...missingPackages('lab'), ...missingPackages('test').filter((name) => name === 'tcpdump')]
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : 'why' in dnsmasq && dnsmasq.why
if (skip === false) await buildPayload()

const US = '10.77.0.1'
const THEM = '10.77.0.9'
const ADDRESS = /^10\.77\.0\.2\d\d$/
/** One emulated machine from the power button to Linux, on a busy host. */
const PATIENCE_MS = 300_000
const CONFIG = '/run/site/centra-pxe.yaml'
const SCRIPT_URL = `http://${US}:8080/boot.ipxe`

const SCRIPTS = ['http.script identify', 'http.script boot']

interface Booted {
  readonly name: string
  readonly mac: string
  readonly firmware: 'bios' | 'uefi'
  readonly as?: 'plain-pxe' | 'uefi-http'
  readonly profile: string
  /** Of the test. */
  readonly title: string
  /** Transfers and scripts before Linux. */
  readonly path: readonly string[]
}

const ROM: Booted = {
  ...{ name: 'rom', mac: '52:54:00:77:0a:01', firmware: 'bios', profile: 'control-plane' },
  ...{ title: "the card's own iPXE", path: SCRIPTS },
}
const PLAIN: Booted = {
  ...{ name: 'plain', mac: '52:54:00:77:0a:03', firmware: 'bios', as: 'plain-pxe', profile: 'worker' },
  title: 'a plain PXE ROM on BIOS',
  path: ['tftp.start undionly.kpxe', 'tftp.done undionly.kpxe', ...SCRIPTS],
}
const UEFI: Booted = {
  ...{ name: 'uefi', mac: '52:54:00:77:0a:02', firmware: 'uefi', profile: 'all-in-one' },
  title: "EDK2's own PXE",
  path: ['tftp.probe snponly.efi', 'tftp.start snponly.efi', 'tftp.done snponly.efi', ...SCRIPTS],
}
const HTTP: Booted = {
  ...{ name: 'http', mac: '52:54:00:77:0a:04', firmware: 'uefi', as: 'uefi-http', profile: 'worker' },
  title: "EDK2's HTTP boot",
  path: ['http.start snponly.efi', 'http.done snponly.efi', ...SCRIPTS],
}
const CHAINED: Booted = {
  ...{ name: 'chained', mac: '52:54:00:77:0a:05', firmware: 'bios', profile: 'worker' },
  title: "E09: foreignIpxe: chain: the card's own iPXE loads ours once, which gets the script",
  path: ['http.start ipxe.pxe', 'http.done ipxe.pxe', ...SCRIPTS],
}
const MACHINES: readonly Booted[] = [ROM, PLAIN, UEFI, HTTP]

const LINUX = ['http.start vmlinuz', 'http.done vmlinuz', 'http.start initrd.img', 'http.done initrd.img']

/*
 * server prov0 10.77.0.1 -+- them0 10.77.0.9 (other: gives the addresses)
 *                         +- ~tap0 (a machine)
 */
inNetns(import.meta, (net) => {
  describe('machines boot beside another DHCP server', { skip }, () => {
    let server: Running
    let capture: Capture

    before(async () => {
      const other = net.host('other')
      await makeBridge({ name: 'prov0', address: US, prefix: 24 })
      net.veth({ name: 'port1' }, { name: 'them0', address: `${THEM}/24`, host: other })
      net.run('ip', 'link', 'set', 'port1', 'master', 'prov0')
      answerRouterSolicitations('prov0')
      if ('tree' in dnsmasq) await startDnsmasq(other, dnsmasq.tree)
      const folder = '/run/site'
      mkdirSync(folder)
      const config = await configWithPayload(join(import.meta.dirname, 'nodes.yaml'), folder)
      const text = readFileSync(config, 'utf8')
      const more = [HTTP, CHAINED].map(
        (one) => `  - { name: ${one.name}, mac: "${one.mac}", profile: ${one.profile} }`,
      )
      writeFileSync(
        config,
        [
          text
            .replace('dhcp: server', 'dhcp: proxy')
            .replace(/address: 10\.77\.0\.2\d,/g, '')
            .trimEnd(),
          ...more,
          'server: { stateDir: ./state }',
          '',
        ].join('\n'),
      )
      const seen = await net.capture('prov0')
      assert.ok(seen)
      capture = seen
      server = await startServer()
    })
    after(endAll)

    const boots = async (one: Booted): Promise<void> => {
      const { name, mac, profile, path } = one
      const folder = `/run/${name}`
      mkdirSync(folder)
      const machine = await powerOn(one, folder)
      try {
        const report = await server.event('report', { mac, stage: 'in-service' }, 0, PATIENCE_MS)
        assert.deepEqual(
          [report['node'], report.detail['profile'], report.detail['standing']],
          [name, profile, 'verified'],
        )
        assert.match(String(report['address']), ADDRESS)
        assert.deepEqual(stepsOf(server, name), [...path, ...LINUX])
        assert.match(
          readFileSync(`${folder}/serial.log`, 'latin1'),
          new RegExp(`centra: in service as ${profile}`),
        )
      } finally {
        await machine.stop()
      }
    }
    const limit = { timeout: PATIENCE_MS + 60_000 }

    for (const one of MACHINES)
      test(`${one.title}: its address from there, its boot from us, to the report`, limit, () => boots(one))

    const of = (mac: string): readonly Seen[] => dhcpOf(capture, mac)

    test("X14: the BIOS ROM's OFFERs: an address from there, a file from us at once", () => {
      const [rom] = offers(of(PLAIN.mac), US)
      assert.ok(rom)
      assert.deepEqual(
        [rom.message.yiaddr, bootFileName(rom.message), optionText(rom.message, OPTION.vendorClass)],
        [0, 'undionly.kpxe', 'PXEClient'],
      )
      assert.deepEqual(
        [1, 3, 6, 51, 58, 59].filter((code) => optionBytes(rom.message, code) !== undefined),
        [],
      )
      const [theirs] = offers(of(PLAIN.mac), THEM)
      assert.match(formatIpv4(theirs?.message.yiaddr ?? rom.message.yiaddr), ADDRESS)
    })

    test('X15, X16: EDK2 takes our OFFER without option 43 and asks port 4011', () => {
      const all = of(UEFI.mac)
      const [offer] = offers(all, US)
      assert.ok(offer)
      assert.equal(optionBytes(offer.message, 43), undefined)
      const asked = all.find(
        ({ frame, message }) => frame.destinationPort === 4011 && message.op === 'request',
      )
      assert.ok(asked, 'it asked on port 4011')
      assert.match(formatIpv4(asked.message.ciaddr), ADDRESS)
      const ack = all.find(
        ({ frame, message }) =>
          frame.sourcePort === 4011 && message.op === 'reply' && message.xid === asked.message.xid,
      )
      assert.ok(ack)
      assert.deepEqual(
        [messageType(ack.message), bootFileName(ack.message), ack.frame.destinationPort],
        ['ACK', 'snponly.efi', asked.frame.sourcePort],
      )
    })

    test("EDK2's HTTP boot takes the URL of our OFFER and asks no port", () => {
      const all = of(HTTP.mac)
      const [offer] = offers(all, US)
      assert.ok(offer)
      assert.deepEqual(
        [optionText(offer.message, OPTION.vendorClass), bootFileName(offer.message), offer.message.yiaddr],
        ['HTTPClient', `http://${US}:8080/firmware/snponly.efi`, 0],
      )
      assert.ok(!all.some(({ frame }) => frame.destinationPort === 4011))
    })

    test('iPXE takes the URL of its script from our OFFER', () => {
      for (const { mac } of MACHINES) {
        const all = of(mac)
        const ipxe = all.find(
          ({ message }) => messageType(message) === 'DISCOVER' && ipxeFeatures(message) !== undefined,
        )
        assert.ok(ipxe, `${mac} came as iPXE`)
        const urls = offers(all, US).map(({ message }) => bootFileName(message))
        assert.ok(urls.includes(SCRIPT_URL), `${mac}: ${urls.join(' ')}`)
      }
    })

    test('X17, X18, X20: never an address, a NAK or a lease of ours, whoever asked', async () => {
      const ours = MACHINES.flatMap(({ mac }) => of(mac)).filter(
        ({ frame, message }) => message.op === 'reply' && formatIpv4(frame.source) === US,
      )
      assert.ok(ours.length >= 5)
      for (const { frame, message } of ours) {
        assert.equal(message.yiaddr, 0)
        assert.equal(messageType(message), frame.sourcePort === 4011 ? 'ACK' : 'OFFER')
        assert.notEqual(optionText(message, OPTION.vendorClass), undefined, 'nobody but netboot clients')
      }
      const { stdout } = await centra('leases', '--config', CONFIG, '--json')
      assert.deepEqual(JSON.parse(stdout), [])
    })

    test(CHAINED.title, limit, async () => {
      await server.stop()
      const config = readFileSync(CONFIG, 'utf8')
      writeFileSync(CONFIG, config.replace('dhcp: proxy', 'dhcp: proxy\n    foreignIpxe: chain'))
      server = await startServer()
      await boots(CHAINED)
      const urls = offers(of(CHAINED.mac), US).map(({ message }) => bootFileName(message))
      const asked = urls.filter((url, i) => url !== undefined && url !== urls[i - 1])
      assert.deepEqual(asked, [`http://${US}:8080/firmware/ipxe.pxe`, SCRIPT_URL])
    })
  })
})

async function startServer(): Promise<Running> {
  const server = startCentra('serve', '--config', CONFIG, '--log', 'json')
  await server.stderrMatch(/^ready .*$/m)
  return server
}

async function powerOn(
  { name, mac, firmware, as }: Booted,
  folder: string,
): Promise<Pick<RunningMachine, 'stop'>> {
  const tap = `tap-${name}`
  await makeTap({ name: tap, bridge: 'prov0' })
  const relay = as === 'plain-pxe' ? await openPlainPxeRelay(folder) : undefined
  const running = startMachine({
    ...{ name, mac: macOf(mac), firmware, nic: 'virtio', tap, folder, memoryMib: 512, acceleration: 'tcg' },
    uuid: `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`,
    ...(relay === undefined ? {} : { sentFrames: relay.sentFrames }),
    ...(as === 'uefi-http' ? { uefiBoots: 'http' } : {}),
  })
  return {
    stop: async () => {
      const exit = await running.stop()
      await relay?.close()
      return exit
    },
  }
}

/** The transfers and scripts of one machine in order, each repetition told once. */
function stepsOf(server: Running, node: string): readonly string[] {
  const steps = loggedEvents(server.stderr)
    .filter((event) => event['node'] === node && /^(tftp|http)\.(?!progress)/.test(event.kind))
    .map(({ kind, detail }) => `${kind} ${String(detail['file'] ?? detail['script'])}`)
  return steps.filter((step, i) => step !== steps[i - 1])
}

interface Seen {
  readonly frame: UdpFrame
  readonly message: DhcpMessage
}

/** The DHCP messages to and from one machine, ports 67, 68 and 4011, in order. */
function dhcpOf(capture: Capture, mac: string): readonly Seen[] {
  const octets = Buffer.from(mac.replaceAll(':', ''), 'hex')
  return capture.frames.flatMap((bytes) => {
    const frame = parseEthernetUdp(bytes)
    if (
      !frame.ok ||
      ![67, 4011].some((port) => [frame.value.sourcePort, frame.value.destinationPort].includes(port))
    )
      return []
    const message = decodeDhcp4(frame.value.payload)
    return message.ok && octets.equals(message.value.chaddr.subarray(0, 6))
      ? [{ frame: frame.value, message: message.value }]
      : []
  })
}

function offers(all: readonly Seen[], server: string): readonly Seen[] {
  return all.filter(
    ({ message }) =>
      messageType(message) === 'OFFER' && formatIpv4(serverIdentifier(message) ?? message.yiaddr) === server,
  )
}
