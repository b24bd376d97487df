/** Firmware and loaders as clients, in QEMU, one machine after the other. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { makeTap } from '../../src/lab/namespace.ts'
import { openPlainPxeRelay } from '../../src/lab/plain-pxe-relay.ts'
import { startMachine } from '../../src/lab/qemu.ts'
import type { Machine } from '../../src/lab/qemu-arguments.ts'
import { peerEnvironment } from '../helpers/debian-peer.ts'
import type { PrivateNetwork } from '../helpers/netns.ts'
import { eventually, type Running, sha256 } from '../helpers/server.ts'
import { mac as macOf } from '../helpers/world.ts'
import { type Carried, httpAnswers, tftpTransfers } from './captured.ts'
import { AWKWARD, interopFile, LOSSY_SIZE } from './files.ts'
import type { InteropFile, Plane, Row, Trouble } from './matrix.ts'
import type { More } from './site.ts'

/** What firmware rows need that is not installed; trees of unpacked Debian packages. */
export interface FirmwareParts {
  readonly kernel: string
  readonly initrd: string
  readonly grub: string
  readonly pxelinux: string
}

/** The clients' host, on which the lossy relay is for machines. */
export const RELAY_ADDRESS = '10.77.0.50'
const PATIENCE_MS = 300_000
const FILES = AWKWARD.map(interopFile)
const LOSSY_FILE = interopFile(LOSSY_SIZE)
const IPXE_FOLDER = '/usr/lib/ipxe'
const SERVER = '10.77.0.1'

const GRUB_MODULES = ['normal', 'net', 'tftp', 'http', 'echo', 'serial', 'terminal', 'hashsum', 'gcry_sha256']
const CMDLINE = 'quiet nokaslr mitigations=off tsc=reliable audit=0 random.trust_cpu=on console=ttyS0,115200'

interface Boot {
  readonly name: string
  readonly firmware: 'bios' | 'uefi'
  /** Of the node, besides name, MAC and profile. */
  readonly node?: string
  readonly uefiBoots?: 'http'
  readonly trusts?: boolean
  /** Text on the serial console, or a report, that ends it. */
  readonly ends: { readonly says: string } | { readonly reports: string } | { readonly runs: string }
  readonly rows: (seen: Seen) => readonly Row[]
}

/** What was seen of one machine. */
interface Seen {
  readonly tftp: readonly Carried[]
  readonly http: readonly Carried[]
  readonly serial: string
  /** Whether the end came. */
  readonly hasEnded: boolean
  readonly parts: FirmwareParts
  readonly versionOf: (name: string) => string
}

/** Its name, and the Debian package that it is of. */
type Client = readonly [name: string, debian: string]

const RELAYED = `through a relay, seed 1: 2 % lost, 2 % twice, 5 % out of order, 5 % late`

const IPXE_ROM: Client = ['iPXE, ROM of QEMU', 'ipxe-qemu']
const CARRIED = 'octets on the cable'

const BOOTS: readonly Boot[] = [
  {
    name: 'ipxe-bios',
    firmware: 'bios',
    ends: { reports: 'in-service' },
    rows: (seen) => [
      carriedRow(IPXE_ROM, 'TFTP', [loader('undionly.kpxe')], seen),
      carriedRow(['iPXE, undionly.kpxe', 'ipxe'], 'HTTP', payload(seen), seen),
    ],
  },
  {
    name: 'edk2-tftp',
    firmware: 'uefi',
    ends: { reports: 'in-service' },
    rows: (seen) => [
      carriedRow(['EDK2 PXE', 'ovmf'], 'TFTP', [loader('snponly.efi')], seen),
      carriedRow(['iPXE, snponly.efi', 'ipxe'], 'HTTP', payload(seen), seen),
    ],
  },
  {
    name: 'edk2-http',
    firmware: 'uefi',
    uefiBoots: 'http',
    ends: { reports: 'in-service' },
    rows: (seen) => [carriedRow(['EDK2 HTTP boot', 'ovmf'], 'HTTP', [loader('snponly.efi')], seen)],
  },
  {
    name: 'edk2-https',
    firmware: 'uefi',
    node: 'https: [firmware]',
    uefiBoots: 'http',
    trusts: true,
    ends: { runs: 'identify' },
    rows: (seen) => [ranRow(['EDK2 HTTPS boot', 'ovmf'], 'HTTPS', 'snponly.efi', seen)],
  },
  {
    name: 'pxelinux',
    firmware: 'bios',
    node: 'loader: pxelinux.0',
    ends: { reports: 'in-service' },
    rows: (seen) => [
      carriedRow(['PXELINUX', 'pxelinux'], 'TFTP', [loader('ldlinux.c32'), ...payload(seen)], seen),
    ],
  },
  {
    name: 'grub',
    firmware: 'bios',
    node: 'loader: grub-net.0',
    ends: { says: 'INTEROP END' },
    rows: (seen) => [
      hashedRow('TFTP', `(tftp,${SERVER})/`, FILES, seen),
      hashedRow('HTTP', `(http,${SERVER}:8080)/firmware/`, FILES, seen),
      { ...hashedRow('TFTP', `(tftp,${RELAY_ADDRESS})/`, [LOSSY_FILE], seen), path: RELAYED },
    ],
  },
  {
    name: 'ipxe-files',
    firmware: 'bios',
    node: 'loader: interop.ipxe',
    ends: { says: 'INTEROP END' },
    rows: (seen) => [
      { ...carriedRow(IPXE_ROM, 'TFTP', FILES, seen), proof: CARRIED },
      { ...carriedRow(IPXE_ROM, 'HTTP', FILES, seen), proof: CARRIED },
      { ...carriedRow(IPXE_ROM, 'TFTP', [LOSSY_FILE], seen), path: RELAYED, proof: CARRIED },
    ],
  },
  {
    name: 'edk2-lossy',
    firmware: 'uefi',
    node: `nextServer: ${RELAY_ADDRESS}`,
    ends: { reports: 'in-service' },
    rows: (seen) => [
      { ...carriedRow(['EDK2 PXE', 'ovmf'], 'TFTP', [loader('snponly.efi')], seen), path: RELAYED },
    ],
  },
]

/** Copies and makes what the machines load; returns what the configuration says of them. */
export function prepareFirmware(dir: string, parts: FirmwareParts): More {
  const folder = join(dir, 'firmware')
  mkdirSync(folder, { recursive: true })
  for (const name of ['undionly.kpxe', 'snponly.efi'])
    copyFileSync(join(IPXE_FOLDER, name), join(folder, name))
  const { pxelinux } = parts
  copyFileSync(join(pxelinux, 'usr/lib/PXELINUX/pxelinux.0'), join(folder, 'pxelinux.0'))
  copyFileSync(join(pxelinux, 'usr/lib/syslinux/modules/bios/ldlinux.c32'), join(folder, 'ldlinux.c32'))
  makeGrub(join(folder, 'grub-net.0'), parts.grub)
  writeFileSync(join(folder, 'interop.ipxe'), ipxeScript())
  return {
    published: ['pxelinux.0', 'ldlinux.c32', 'grub-net.0', 'interop.ipxe'],
    images: [`payload: { kernel: ${parts.kernel}, initrd: ${parts.initrd}, cmdline: '${CMDLINE}' }`],
    profiles: ['boots: { image: payload }'],
    nodes: BOOTS.map(
      ({ name, node }, i) =>
        `{ name: ${name}, mac: "${macAt(i)}", profile: boots${node === undefined ? '' : `, ${node}`} }`,
    ),
  }
}

function makeGrub(output: string, tree: string): void {
  const lines = [
    ...['serial --unit=0 --speed=115200', 'terminal_output serial', 'net_bootp'],
    ...FILES.flatMap(({ name }) => [
      `hashsum --hash sha256 (tftp,${SERVER})/${name}`,
      `hashsum --hash sha256 (http,${SERVER}:8080)/firmware/${name}`,
    ]),
    `hashsum --hash sha256 (tftp,${RELAY_ADDRESS})/${LOSSY_FILE.name}`,
    'echo INTEROP END',
    'sleep 600',
  ]
  writeFileSync(`${output}.cfg`, `${lines.join('\n')}\n`)
  const folder = join(tree, 'usr/lib/grub/i386-pc')
  const args = ['-d', folder, '-O', 'i386-pc-pxe', '-p', '/grub', '-c', `${output}.cfg`, '-o', output]
  const program = join(tree, 'usr/bin/grub-mkimage')
  execFileSync('env', [peerEnvironment(tree), program, ...args, 'pxe', 'sleep', ...GRUB_MODULES])
}

function ipxeScript(): string {
  const urls = [
    ...FILES.flatMap(({ name }) => [`tftp://${SERVER}/${name}`, `http://${SERVER}:8080/firmware/${name}`]),
    `tftp://${RELAY_ADDRESS}/${LOSSY_FILE.name}`,
  ]
  const lines = urls.map((url) => `imgfetch --name one ${url} && imgstat ||\nimgfree ||`)
  return `#!ipxe\n${lines.join('\n')}\necho INTEROP END\nsleep 600\n`
}

function macAt(index: number): string {
  return `52:54:00:77:0b:${(index + 1).toString(16).padStart(2, '0')}`
}

export interface FirmwareScene {
  readonly net: PrivateNetwork
  readonly server: Running
  readonly dir: string
  readonly parts: FirmwareParts
  readonly versionOf: (name: string) => string
  readonly isWanted: (name: string) => boolean
  readonly say: (line: string) => void
}

export async function runFirmware(scene: FirmwareScene): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const [index, boot] of BOOTS.entries()) {
    if (!scene.isWanted(`${boot.name}, firmware`)) continue
    const begun = performance.now()
    const own = boot.rows(await powerOn(boot, index, scene))
    rows.push(...own)
    const results = own.map(
      ({ plane, result, identical, files }) => `${plane} ${result} ${identical}/${files}`,
    )
    scene.say(`${boot.name}: ${results.join(', ')}, ${((performance.now() - begun) / 1000).toFixed(0)} s`)
    for (const { troubles } of own) for (const { file, why } of troubles) scene.say(`  ${file}: ${why}`)
  }
  return rows
}

async function powerOn(boot: Boot, index: number, scene: FirmwareScene): Promise<Seen> {
  const { name, firmware } = boot
  const folder = `/run/${name}`
  const tap = `tap${index}`
  mkdirSync(folder)
  await makeTap({ name: tap, bridge: 'prov0' })
  const capture = join(folder, 'cable.pcap')
  const tcpdump = scene.net.spawn('tcpdump', [
    '-i',
    tap,
    '-s',
    '0',
    '-B',
    '65536',
    '-U',
    '--immediate-mode',
    '-w',
    capture,
    'ip',
  ])
  const ended = once(tcpdump, 'close')
  await once(tcpdump.stderr ?? tcpdump, 'data')
  const relay = firmware === 'bios' ? await openPlainPxeRelay(folder) : undefined
  const mac = macAt(index)
  const machine: Machine = {
    ...{ name, mac: macOf(mac), firmware, nic: 'virtio', tap, folder, memoryMib: 512, acceleration: 'tcg' },
    uuid: `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`,
    ...(relay === undefined ? {} : { sentFrames: relay.sentFrames }),
    ...(boot.uefiBoots === undefined ? {} : { uefiBoots: boot.uefiBoots }),
    ...(boot.trusts === true ? { httpsAuthorities: join(scene.dir, 'tls/ca.esl') } : {}),
  }
  const running = startMachine(machine)
  const serial = (): string =>
    existsSync(running.files.serialLog) ? readFileSync(running.files.serialLog, 'latin1') : ''
  const hasEnded = await theEnd(boot, mac, scene.server, serial)
  await running.stop()
  await relay?.close()
  tcpdump.kill('SIGINT')
  await ended
  return {
    tftp: tftpTransfers(capture),
    http: httpAnswers(capture, 8080),
    ...{ serial: serial(), hasEnded, parts: scene.parts, versionOf: scene.versionOf },
  }
}

async function theEnd(boot: Boot, mac: string, server: Running, serial: () => string): Promise<boolean> {
  const { ends } = boot
  try {
    if ('reports' in ends) await server.event('report', { mac, stage: ends.reports }, 0, PATIENCE_MS)
    else if ('runs' in ends) await server.event('http.script', { mac, script: ends.runs }, 0, PATIENCE_MS)
    else await eventually(ends.says, () => (serial().includes(ends.says) ? true : undefined), PATIENCE_MS)
    return true
  } catch {
    return false
  }
}

function loader(name: string): InteropFile {
  return { name, bytes: Buffer.alloc(0) }
}

function payload({ parts }: Seen): readonly InteropFile[] {
  return [parts.kernel, parts.initrd].map((path) => ({ name: basename(path), bytes: readFileSync(path) }))
}

/** Loaders are compared with what lies on disk. */
function bytesOf(file: InteropFile): Buffer {
  const path = `/run/site/firmware/${file.name}`
  return file.bytes.length === 0 && existsSync(path) ? readFileSync(path) : file.bytes
}

/** Proved by the octets on the machine's cable, and by what it does with them. */
function carriedRow([client, debian]: Client, plane: Plane, files: readonly InteropFile[], seen: Seen): Row {
  const carried = plane === 'TFTP' ? seen.tftp : seen.http
  const found = files.map((file) => {
    const bytes = bytesOf(file)
    const own = carried.filter(({ name }) => name.split('/').at(-1) === file.name)
    return { file, bytes, same: own.find((one) => one.bytes.equals(bytes)), tries: own }
  })
  const troubles = found.flatMap(({ file, same, tries, bytes }): readonly Trouble[] => {
    if (same !== undefined) return []
    const came = tries.map((one) => one.bytes.length).join(', ')
    const why = came === '' ? 'was not asked for' : `${came} octets came, not these ${bytes.length}`
    return [{ file: file.name, why, others: [] }]
  })
  const ended = seen.hasEnded ? [] : [{ file: '', why: 'the machine did not get to its end', others: [] }]
  const largest = found
    .flatMap(({ same }) => same ?? [])
    .reduce<Carried | undefined>(
      (best, one) => (one.bytes.length > (best?.bytes.length ?? -1) ? one : best),
      undefined,
    )
  const option = largest?.options === undefined || largest.options === '' ? 'its own' : largest.options
  return {
    ...{ client, version: seen.versionOf(debian), plane, option, path: 'direct' },
    result: troubles.length + ended.length === 0 ? 'ok' : 'failed',
    proof: `${CARRIED}; what was loaded runs`,
    ...{ files: files.length, identical: files.length - troubles.length },
    octets: found.reduce((sum, { same }) => sum + (same?.bytes.length ?? 0), 0),
    seconds: found.reduce((sum, { same }) => sum + (same?.seconds ?? 0), 0),
    megabytesPerSecond:
      largest === undefined ? 0 : largest.bytes.length / 1e6 / Math.max(largest.seconds, 1e-6),
    troubles: [...troubles, ...ended],
  }
}

/** What was encrypted on the cable is proved by the loader that runs. */
function ranRow([client, debian]: Client, plane: Plane, name: string, seen: Seen): Row {
  const troubles = seen.hasEnded ? [] : [{ file: name, why: 'the loader did not run', others: [] }]
  return {
    ...{ client, version: seen.versionOf(debian), plane, option: 'its own', path: 'direct' },
    ...{ result: seen.hasEnded ? 'ok' : 'failed', proof: 'the loader runs', files: 1 },
    ...{ identical: seen.hasEnded ? 1 : 0, octets: statSync(`/run/site/firmware/${name}`).size },
    ...{ seconds: 0, megabytesPerSecond: 0, troubles },
  }
}

/** Proved by the SHA-256 that GRUB itself prints. */
function hashedRow(plane: Plane, place: string, files: readonly InteropFile[], seen: Seen): Row {
  // GRUB breaks lines at the edge of its terminal.
  const text = withoutEscapes(seen.serial).replace(/\s+/g, '')
  const troubles = files.flatMap(({ name, bytes }): readonly Trouble[] => {
    if (text.includes(`${sha256(bytes)}${place}${name}`)) return []
    const at = text.indexOf(place + name)
    const said = at < 0 ? 'no hash of it' : `another hash: ${text.slice(Math.max(0, at - 64), at)}`
    return [{ file: name, why: said, others: [] }]
  })
  const carried = (plane === 'TFTP' ? seen.tftp : seen.http).filter(({ name }) =>
    files.some((file) => file.name === name.split('/').at(-1)),
  )
  const octets = files.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const seconds = carried.reduce((sum, one) => sum + one.seconds, 0)
  const option = carried.find(({ options }) => options !== '')?.options ?? 'its own'
  return {
    ...{ client: 'GRUB', version: seen.versionOf('grub-pc-bin'), plane, option, path: 'direct' },
    ...{ result: troubles.length === 0 ? 'ok' : 'failed', proof: 'the sha256 that it prints' },
    ...{ files: files.length, identical: files.length - troubles.length, octets, seconds },
    ...{ megabytesPerSecond: octets / 1e6 / Math.max(seconds, 1e-6), troubles },
  }
}

/** Without what moves the cursor and sets colours (ECMA-48 §5.4). */
function withoutEscapes(text: string): string {
  const [first = '', ...parts] = text.split('\u001b')
  return [first, ...parts.map((part) => part.replace(/^\[[0-9;?]*[A-Za-z]/, ''))].join('')
}
