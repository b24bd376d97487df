import { readFile } from 'node:fs/promises'
import type { LeaseTable } from '../address/lease-table.ts'
import { type ExplainedPacket, explainCapture } from '../app/explain-capture.ts'
import type { Mac } from '../lib/mac.ts'
import type { Config, Network } from '../model/config.ts'
import type { RecognisedView } from '../model/world.ts'
import { type CapturedPacket, LINKTYPE_ETHERNET, readPcap } from '../protocol/pcap.ts'
import { CliError } from './exit-codes.ts'
import { heardWith, pictureOf, placeOf } from './explain-place.ts'

export interface PcapQuestion {
  readonly file: string
  readonly config: Config
  /** Where messages came in that were sent to none of our addresses. */
  readonly first: Network
  /** Only those of this machine. */
  readonly mac?: Mac
  /** What the server had given before; what it would have given meanwhile goes in here. */
  readonly leases: LeaseTable
  /** What machines had shown it before. */
  readonly recognised: RecognisedView
}

/** Every question to a DHCP server in a capture file, explained; a CliError says why a file cannot be read. */
export async function explainPcap({
  file,
  config,
  first,
  mac,
  leases,
  recognised,
}: PcapQuestion): Promise<readonly ExplainedPacket[]> {
  const packets = await readPackets(file)
  const places = [first, ...config.networks].map((network) => placeOf(heardWith(network, config), config))
  const picture = await pictureOf(config)
  const explained = [...explainCapture(packets, { picture, leases, recognised, places })]
  return explained.filter((one) => mac === undefined || one.mac === mac)
}

async function readPackets(file: string): Promise<readonly CapturedPacket[]> {
  const bytes = await readFile(file).catch((error: Error) => {
    throw new CliError(`--pcap: ${error.message}`)
  })
  const capture = readPcap(bytes)
  if (!capture.ok)
    throw new CliError(
      `--pcap: ${file} is no pcap file (${capture.error.code}); \`editcap -F pcap\` makes one of pcapng`,
    )
  const { linkType, packets } = capture.value
  if (linkType !== LINKTYPE_ETHERNET)
    throw new CliError(
      `--pcap: ${file} has link type ${linkType}, not Ethernet: capture on an interface, not on "any"`,
    )
  return packets
}
