import { macToBytes } from '../lib/mac.ts'
import { printable, toHex } from '../lib/text.ts'
import { clientMac, type DhcpMessage, isBootp } from '../protocol/dhcp4/message.ts'
import { enterprisesOf } from '../protocol/dhcp4/option-125.ts'
import {
  ipxeFeatures,
  machineIdText,
  parameterRequestList,
  userClasses,
  vendorClass,
} from '../protocol/dhcp4/options.ts'
import { type ArchRow, isRaspberryPi } from '../protocol/iana/arch.ts'
import { OPTION } from '../protocol/iana/options.ts'
import type { ClientStage, Firmware } from './decision.ts'

/** What sent a message, and by which sign it was known. */
export interface FirmwareFacts {
  readonly stage: ClientStage
  /** Absent for an operating system. */
  readonly firmware?: Firmware
  readonly transport: 'tftp' | 'http'
  /** An iPXE that says that it is ours. */
  readonly isOurs?: true
  /** `option 60 = PXEClient`. */
  readonly sign: string
}

/** The user class (option 77) of an iPXE that was built to be ours: `set user-class centra` in its embedded script. */
const OUR_USER_CLASS = 'centra'

/** IANA's Private Enterprise Number of ONIE, in option 125 (ONIE design specification, "DHCP Requests"). */
const ONIE_ENTERPRISE = 42623

/** The blocks of the Raspberry Pi makers' addresses (IEEE MA-L). */
const PI_BLOCKS: readonly string[] = ['b827eb', 'dca632', 'e45f01', '28cdc1', 'd83add', '2ccf67']

/**
 * What GRUB's `net_bootp` asks for in its REQUEST, in its order, and nothing else (grub-core/net/bootp.c); Debian's asks
 * for 60 besides. Its DISCOVER has option 53 alone (test/fixtures/pcap/uefi-edk2-grub-netbootp-linux.pcap).
 */
const GRUB_ASKS = [
  ...[OPTION.subnetMask, OPTION.router, OPTION.domainNameServer, OPTION.domainName, OPTION.hostName],
  ...[OPTION.rootPath, OPTION.extensionsPath],
]

type Sign = (message: DhcpMessage, arch: ArchRow | undefined) => FirmwareFacts | undefined

/**
 * First match wins. iPXE comes before option 60 is looked at, since a chained iPXE repeats the vendor class of the
 * ROM that loaded it (ipxe/ipxe issue 1527); the Raspberry Pi before PXE, since its ROM claims to be an x86 BIOS.
 */
const SIGNS: readonly Sign[] = [
  onie,
  ipxe,
  raspberryPi,
  uBoot,
  petitboot,
  uefiHttp,
  pxe,
  appleBsdp,
  grub,
  bootp,
]

/** What kind of firmware, loader or system sent this. `arch` is the row of its option 93. */
export function classifyFirmware(message: DhcpMessage, arch: ArchRow | undefined): FirmwareFacts {
  for (const sign of SIGNS) {
    const facts = sign(message, arch)
    if (facts !== undefined) return facts
  }
  return { stage: 'os', transport: 'tftp', sign: 'no sign of netboot' }
}

function onie(message: DhcpMessage): FirmwareFacts | undefined {
  const vendor = /^onie_vendor:/.test(vendorClass(message) ?? '')
  if (!vendor && !enterprisesOf(message).includes(ONIE_ENTERPRISE)) return undefined
  const sign = vendor ? 'option 60 = onie_vendor' : `option 125 = ${ONIE_ENTERPRISE}`
  return { stage: 'rom', firmware: 'onie', transport: 'http', sign }
}

function ipxe(message: DhcpMessage): FirmwareFacts | undefined {
  const features = ipxeFeatures(message)
  const classes = userClasses(message)
  // gPXE knows no script but `#!gpxe` (gPXE src/image/script.c), and xNBA is one: both can load an iPXE.
  const old = classes.find((name) => name === 'gPXE' || name === 'xNBA')
  if (old !== undefined)
    return { stage: 'ipxe', firmware: 'old-ipxe', transport: 'tftp', sign: `option 77 = ${old}` }
  const name = [OUR_USER_CLASS, 'iPXE'].find((one) => classes.includes(one))
  if (name === undefined && features === undefined) return undefined
  const isOurs = name === OUR_USER_CLASS
  const sign = features !== undefined && !isOurs ? 'option 175' : `option 77 = ${name}`
  // An iPXE that tells its features and not HTTP cannot fetch a script by URL (stripped ROMs of virtual machines).
  const transport = (features?.http ?? true) ? 'http' : 'tftp'
  return { stage: 'ipxe', firmware: 'ipxe', transport, sign, ...(isOurs ? { isOurs } : {}) }
}

/** A Raspberry Pi 4 leaves option 60 out of its REQUEST, so it is known without. */
function raspberryPi(message: DhcpMessage, arch: ArchRow | undefined): FirmwareFacts | undefined {
  const vendor = vendorClass(message)
  if (arch === undefined || (vendor !== undefined && !vendor.startsWith('PXEClient'))) return undefined
  const mac = clientMac(message)
  const block = mac === undefined ? '' : toHex(macToBytes(mac)).slice(0, 6)
  const sign = isRaspberryPi(arch)
    ? arch.title
    : machineIdText(message).startsWith('RPi')
      ? 'option 97 = RPi'
      : PI_BLOCKS.includes(block)
        ? `a Raspberry Pi's address, ${block}`
        : undefined
  const plausible = isRaspberryPi(arch) || arch.name === 'bios-x86'
  return sign === undefined || !plausible
    ? undefined
    : { stage: 'rom', firmware: 'raspberry-pi', transport: 'tftp', sign }
}

function uBoot(message: DhcpMessage, arch: ArchRow | undefined): FirmwareFacts | undefined {
  const named = /^U-Boot/.test(vendorClass(message) ?? '')
  const byArch = arch?.name.startsWith('uboot-') === true
  if (!named && !byArch) return undefined
  const sign = named ? 'option 60 = U-Boot' : 'option 93'
  return { stage: 'rom', firmware: 'u-boot', transport: arch?.transport ?? 'tftp', sign }
}

function petitboot(_: DhcpMessage, arch: ArchRow | undefined): FirmwareFacts | undefined {
  return arch?.name === 'ppc-opal' || arch?.name === 'ppc-epapr'
    ? { stage: 'rom', firmware: 'petitboot', transport: 'tftp', sign: 'option 93' }
    : undefined
}

function uefiHttp(message: DhcpMessage, arch: ArchRow | undefined): FirmwareFacts | undefined {
  const named = /^HTTPClient/.test(vendorClass(message) ?? '')
  if (!named && arch?.transport !== 'http') return undefined
  const sign = named ? 'option 60 = HTTPClient' : 'option 93'
  return { stage: 'rom', firmware: 'uefi-http', transport: 'http', sign }
}

function pxe(message: DhcpMessage): FirmwareFacts | undefined {
  return /^PXEClient/.test(vendorClass(message) ?? '')
    ? { stage: 'rom', firmware: 'pxe', transport: 'tftp', sign: 'option 60 = PXEClient' }
    : undefined
}

function appleBsdp(message: DhcpMessage): FirmwareFacts | undefined {
  const found = /^AAPLBSDPC[!-~]*/.exec(vendorClass(message) ?? '')?.[0]
  return found === undefined
    ? undefined
    : {
        stage: 'os',
        transport: 'tftp',
        sign: `option 60 = ${printable(found, 40)}: Apple's BSDP is no PXE`,
      }
}

function grub(message: DhcpMessage): FirmwareFacts | undefined {
  const asks = parameterRequestList(message)
  const rest = asks.slice(GRUB_ASKS.length)
  const asGrub =
    GRUB_ASKS.every((code, i) => code === asks[i]) && rest.every((code) => code === OPTION.vendorClass)
  const alone = asGrub && vendorClass(message) === undefined
  return alone ? { stage: 'rom', firmware: 'grub', transport: 'tftp', sign: 'option 55 as GRUB' } : undefined
}

/** ROMs from before PXE say nothing of themselves; they are x86 BIOS (RFC 951 has no option 93). */
function bootp(message: DhcpMessage): FirmwareFacts | undefined {
  return isBootp(message)
    ? { stage: 'rom', firmware: 'pxe', transport: 'tftp', sign: 'BOOTP, no option 53' }
    : undefined
}
