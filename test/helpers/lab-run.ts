import { spawn } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { buildPayload } from '../../src/lab/payload.ts'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import type { BootEvent } from '../../src/model/event.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import type { DhcpMessage } from '../../src/protocol/dhcp4/message.ts'
import { parseEthernetUdp, type UdpFrame } from '../../src/protocol/frame/ipv4-udp.ts'
import { readPcap } from '../../src/protocol/pcap.ts'
import { decodeTftp } from '../../src/protocol/tftp/packet.ts'

export interface LabRun {
  readonly code: number
  readonly stdout: string
  /** Both streams. */
  readonly output: string
  readonly folder: string
  readonly events: readonly BootEvent[]
  readonly packets: readonly UdpFrame[]
  readonly serial: (machine: string) => string
}

/** A copy of a configuration with the payload's two files beside it. */
export async function configWithPayload(source: string, folder: string): Promise<string> {
  const payload = await buildPayload()
  const file = join(folder, 'centra-pxe.yaml')
  cpSync(source, file)
  mkdirSync(join(folder, 'images'), { recursive: true })
  symlinkSync(payload.kernel, join(folder, 'images', 'vmlinuz'))
  symlinkSync(payload.initrd, join(folder, 'images', 'initrd.img'))
  return file
}

/** Runs `centra-pxe lab` as a user does, with its packets captured, and reads everything that it left behind. */
export async function runLab(args: readonly string[]): Promise<LabRun> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const child = spawn(process.execPath, [main, 'lab', '--capture', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)))
  const output = stdout + stderr
  const folder = /^logs: (.*)$/m.exec(output)?.[1]
  if (folder === undefined) throw new Error(`the lab did not start, exit code ${code}:\n${output}`)
  const read = (name: string): string => readFileSync(join(folder, name), 'latin1')
  const lines = read('timeline.ndjson')
    .split('\n')
    .filter((line) => line !== '')
  return {
    code,
    stdout,
    output,
    folder,
    events: lines.map((line) => JSON.parse(line) as BootEvent),
    packets: globSync(join(folder, 'capture*.pcap')).flatMap(readPackets),
    serial: (machine) => read(join(machine, 'serial.log')),
  }
}

function readPackets(file: string): readonly UdpFrame[] {
  const capture = readPcap(readFileSync(file))
  if (!capture.ok) throw new Error(`${file}: ${capture.error.code}`)
  return capture.value.packets.flatMap(({ bytes }) => {
    const frame = parseEthernetUdp(bytes)
    return frame.ok ? [frame.value] : []
  })
}

/** The DHCP messages to and from one machine, in order. */
export function dhcpOf(run: LabRun, mac: string): readonly DhcpMessage[] {
  const octets = Buffer.from(mac.replaceAll(':', ''), 'hex')
  return run.packets
    .filter(
      ({ sourcePort, destinationPort }) =>
        [67, 68].includes(sourcePort) && [67, 68].includes(destinationPort),
    )
    .flatMap(({ payload }) => {
      const message = decodeDhcp4(payload)
      return message.ok && octets.equals(message.value.chaddr.subarray(0, 6)) ? [message.value] : []
    })
}

/** The kinds of a machine's events in order, each repetition told once. */
export function stagesOf(run: LabRun, node: string): readonly string[] {
  const kinds = run.events
    .filter((event) => event.node === node && !event.kind.endsWith('.progress'))
    .map(({ kind, detail }) =>
      [kind, detail['file'] ?? detail['script'] ?? (kind === 'report' ? detail['stage'] : '')]
        .join(' ')
        .trim(),
    )
  return kinds.filter((kind, i) => kind !== kinds[i - 1])
}

/** A capture on the sending host has the DATA packets of a window in one piece (UDP_SEGMENT); EDK2's blksize and a header. */
const DATA_PACKET = 1472

/** The file that a machine read over TFTP last, put together from the packets. Blocks may repeat, never differ. */
export function tftpFileOf(run: LabRun, address: string): Buffer {
  const blocks = new Map<number, Buffer>()
  for (const { destination, sourcePort, payload } of run.packets) {
    if (formatIpv4(destination) !== address || [67, 8080].includes(sourcePort)) continue
    for (let at = 0; at < payload.length; at += DATA_PACKET) {
      const packet = decodeTftp(payload.subarray(at, at + DATA_PACKET))
      if (packet.ok && packet.value.kind === 'data')
        blocks.set(packet.value.block, Buffer.from(packet.value.data))
    }
  }
  return Buffer.concat([...blocks].sort(([a], [b]) => a - b).map(([, data]) => data))
}
