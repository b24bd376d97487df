import { ANY_ADDRESS, formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import { type DhcpOption, FILE } from '../protocol/dhcp4/message.ts'
import {
  DISCOVERY_CONTROL,
  pxeBootMenu,
  pxeDiscoveryControl,
  pxeMenuPrompt,
  pxeVendorOptions,
} from '../protocol/dhcp4/option-43.ts'
import { IPXE_SETTING } from '../protocol/dhcp4/option-175.ts'
import { encapsulated, fieldValue, textValue, textWithNulValue } from '../protocol/dhcp4/option-values.ts'
import { OPTION } from '../protocol/iana/options.ts'
import type { Action } from './decision.ts'

/** What a reply says about booting. */
export interface BootFields {
  readonly siaddr: Ipv4
  readonly file: Uint8Array
  /** Options 60 and 43. */
  readonly vendor: readonly DhcpOption[]
  /** Options 66, 67, 114, 175, 209 and 210; none when the client learns nothing about booting. */
  readonly files: readonly DhcpOption[]
  /** PXE 2.1 wants option 97 back; loaders that are no PXE do not. */
  readonly echoesUuid: boolean
}

const EMPTY_FILE = new Uint8Array(FILE.length)
const NOTHING: BootFields = {
  siaddr: ANY_ADDRESS,
  file: EMPTY_FILE,
  vendor: [],
  files: [],
  echoesUuid: false,
}

/** Ours, and the server that loaders come from over TFTP. */
interface Servers {
  readonly server: Ipv4
  readonly nextServer: Ipv4
}

/** How this client wants the answer about booting said; each has its own place to look. */
export function bootFields({ server, nextServer }: Servers, boot: Action): BootFields {
  switch (boot.kind) {
    case 'boot-file':
      return bootFile(boot.over === 'tftp' ? nextServer : server, boot)
    case 'script-url':
      return {
        ...{ ...NOTHING, siaddr: server, file: fileField(boot.url), echoesUuid: true },
        files: [option(OPTION.bootFileName, textValue(boot.url)), noProxyWait()],
      }
    case 'no-boot':
      return boot.nextServer === true ? { ...NOTHING, siaddr: nextServer } : NOTHING
    default:
      return NOTHING
  }
}

/**
 * The same beside another server, whose own words about booting the client has too. iPXE and PXE firmware take an OFFER
 * for a proxy's by option 60 (ipxe src/net/udp/dhcp.c); an x86 BIOS is told not to ask again on port 4011, and EDK2,
 * which keeps proxies' OFFERs badly, comes there (edk2 PxeBcDhcp4.c; tianocore/edk2 issue 6944).
 */
export function proxyFields(servers: Servers, boot: Action, isBios: boolean): BootFields {
  const fields = bootFields(servers, boot)
  const kind = boot.kind === 'boot-file' ? (boot.firmware ?? 'pxe') : 'ipxe'
  switch (kind) {
    case 'uefi-http':
    case 'raspberry-pi':
      return fields
    case 'pxe':
      return { ...fields, vendor: isBios ? fields.vendor : [vendorClassPxe()], files: bootFileNameOf(fields) }
    default:
      return { ...fields, vendor: [vendorClassPxe()], files: bootFileNameOf(fields) }
  }
}

/** Option 67 alone: 66 is siaddr once more, and 175 would forbid iPXE to listen to us. */
function bootFileNameOf({ files }: BootFields): readonly DhcpOption[] {
  return files.filter(({ code }) => code === OPTION.bootFileName)
}

type BootFile = Extract<Action, { readonly kind: 'boot-file' }>

function bootFile(server: Ipv4, { file, url, firmware = 'pxe' }: BootFile): BootFields {
  const name = url ?? file.name
  const there = { ...NOTHING, siaddr: server }
  switch (firmware) {
    case 'uefi-http':
      return {
        ...{ ...there, echoesUuid: true },
        vendor: [option(OPTION.vendorClass, textValue('HTTPClient'))],
        files: [option(OPTION.bootFileName, textWithNulValue(name))],
      }
    case 'raspberry-pi':
      return {
        ...{ ...there, echoesUuid: true },
        vendor: [vendorClassPxe(), raspberryPiMenu()],
        files: [serverName(server)],
      }
    case 'ipxe':
    case 'old-ipxe':
      return {
        ...{ ...there, file: fileField(name), echoesUuid: true },
        files: [option(OPTION.bootFileName, textValue(name)), noProxyWait()],
      }
    case 'petitboot':
      return { ...there, files: [serverName(server), ...petitbootConfig(name)] }
    case 'onie':
      return {
        ...there,
        files: [option(OPTION.bootFileName, textValue(name)), option(OPTION.url, textValue(name))],
      }
    case 'u-boot':
    case 'grub':
      return { ...there, file: fileField(name), files: [option(OPTION.bootFileName, textValue(name))] }
    case 'pxe':
      return pxe(server, name)
    default:
      return firmware satisfies never
  }
}

/**
 * siaddr and option 66, `file` and option 67 say the same: iPXE and shim read the header alone, EDK2 option 67
 * first (ipxe src/net/dhcppkt.c, edk2 PxeBcDhcp4.c, shim netboot.c).
 */
function pxe(server: Ipv4, name: string): BootFields {
  return {
    ...{ siaddr: server, file: fileField(name), echoesUuid: true },
    vendor: [
      vendorClassPxe(),
      // Without 43.6 bit 3 EDK2 takes option 60 for a promise to answer on port 4011 ("BINL") and asks there.
      pxeVendorOptions([pxeDiscoveryControl(DISCOVERY_CONTROL.useThisBootFile)]),
    ],
    files: [
      serverName(server),
      // The NUL counts: EDK2 writes its own over the next option's code otherwise; old ROMs ask for `name\xff`.
      option(OPTION.bootFileName, textWithNulValue(name)),
    ],
  }
}

/** The ROM takes the first offer whose menu has this text, as a password; no discovery follows (raspberrypi/firmware). */
function raspberryPiMenu(): DhcpOption {
  const { noBroadcast, noMulticast } = DISCOVERY_CONTROL
  return pxeVendorOptions([
    pxeDiscoveryControl(noBroadcast | noMulticast),
    pxeMenuPrompt(0, 'PXE'),
    pxeBootMenu([{ type: 0, text: 'Raspberry Pi Boot' }]),
  ])
}

/** RFC 5071: a configuration of pxelinux's form, and where its relative names count from. */
function petitbootConfig(url: string): readonly DhcpOption[] {
  return [
    option(OPTION.pxelinuxConfigFile, textValue(url)),
    option(OPTION.pxelinuxPathPrefix, textValue(url.slice(0, url.lastIndexOf('/') + 1))),
  ]
}

function vendorClassPxe(): DhcpOption {
  return option(OPTION.vendorClass, textValue('PXEClient'))
}

/** Dotted decimal without a NUL, which a Raspberry Pi would take for a part of the address. */
function serverName(server: Ipv4): DhcpOption {
  return option(OPTION.tftpServerName, textValue(formatIpv4(server)))
}

function noProxyWait(): DhcpOption {
  return option(OPTION.ipxe, encapsulated([option(IPXE_SETTING.noPxeDhcp, Uint8Array.of(1))]))
}

/** Empty for a name that leaves no room for its NUL: option 67 alone has it then. */
function fileField(name: string): Uint8Array {
  return name.length < FILE.length ? fieldValue(name) : EMPTY_FILE
}

function option(code: number, data: Uint8Array): DhcpOption {
  return { code, data }
}
