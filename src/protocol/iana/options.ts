/**
 * DHCPv4 options by number (IANA "BOOTP Vendor Extensions and DHCP Options"). Names are the section titles of the
 * RFC that defines the option, in kebab-case. This table is the only place that knows option numbers.
 */
export const OPTION = {
  pad: 0,
  subnetMask: 1,
  timeOffset: 2,
  router: 3,
  domainNameServer: 6,
  hostName: 12,
  bootFileSize: 13,
  domainName: 15,
  rootPath: 17,
  extensionsPath: 18,
  interfaceMtu: 26,
  broadcastAddress: 28,
  ntpServers: 42,
  vendorSpecificInformation: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientIdentifier: 61,
  tftpServerName: 66,
  bootFileName: 67,
  userClass: 77,
  clientFqdn: 81,
  relayAgentInformation: 82,
  clientArch: 93,
  clientNdi: 94,
  clientUuid: 97,
  url: 114,
  subnetSelection: 118,
  domainSearch: 119,
  classlessStaticRoute: 121,
  vendorIdentifyingVendorClass: 124,
  vendorIdentifyingVendorInformation: 125,
  tftpServerAddress: 150,
  ipxe: 175,
  iscsiInitiatorIqn: 203,
  pxelinuxConfigFile: 209,
  pxelinuxPathPrefix: 210,
  end: 255,
} as const

/**
 * What the bytes of an option mean. `codes`: one octet each. `u16-list`: option 93. `ndi`: option 94, type, major,
 * minor. `uuid`: option 97. `tlvs` and `ipxe`: encapsulated options with PAD and END; `sub-options`: without
 * (RFC 3046 §2.0).
 */
export type OptionKind =
  | 'ipv4'
  | 'ipv4-list'
  | 'u8'
  | 'u16'
  | 'u16-list'
  | 'u32'
  | 'i32'
  | 'text'
  | 'bytes'
  | 'codes'
  | 'message-type'
  | 'ndi'
  | 'uuid'
  | 'client-identifier'
  | 'user-class'
  | 'tlvs'
  | 'ipxe'
  | 'sub-options'

export interface OptionRow {
  readonly code: number
  readonly name: string
  readonly kind: OptionKind
  readonly cite: string
}

/** The options that have a name here, with the form of their value and what defines them. Of others only octets are shown. */
export const DHCP_OPTIONS: readonly OptionRow[] = [
  { code: OPTION.subnetMask, name: 'subnet-mask', kind: 'ipv4', cite: 'RFC 2132 §3.3' },
  { code: OPTION.timeOffset, name: 'time-offset', kind: 'i32', cite: 'RFC 2132 §3.4' },
  { code: OPTION.router, name: 'router', kind: 'ipv4-list', cite: 'RFC 2132 §3.5' },
  { code: 4, name: 'time-server', kind: 'ipv4-list', cite: 'RFC 2132 §3.6' },
  { code: 5, name: 'name-server', kind: 'ipv4-list', cite: 'RFC 2132 §3.7' },
  { code: OPTION.domainNameServer, name: 'domain-name-server', kind: 'ipv4-list', cite: 'RFC 2132 §3.8' },
  { code: 7, name: 'log-server', kind: 'ipv4-list', cite: 'RFC 2132 §3.9' },
  { code: 11, name: 'resource-location-server', kind: 'ipv4-list', cite: 'RFC 2132 §3.13' },
  { code: OPTION.hostName, name: 'host-name', kind: 'text', cite: 'RFC 2132 §3.14' },
  { code: OPTION.bootFileSize, name: 'boot-file-size', kind: 'u16', cite: 'RFC 2132 §3.15' },
  { code: OPTION.domainName, name: 'domain-name', kind: 'text', cite: 'RFC 2132 §3.17' },
  { code: 16, name: 'swap-server', kind: 'ipv4', cite: 'RFC 2132 §3.18' },
  { code: OPTION.rootPath, name: 'root-path', kind: 'text', cite: 'RFC 2132 §3.19' },
  { code: OPTION.extensionsPath, name: 'extensions-path', kind: 'text', cite: 'RFC 2132 §3.20' },
  { code: 22, name: 'maximum-datagram-reassembly-size', kind: 'u16', cite: 'RFC 2132 §4.4' },
  { code: 23, name: 'default-ip-time-to-live', kind: 'u8', cite: 'RFC 2132 §4.5' },
  { code: OPTION.interfaceMtu, name: 'interface-mtu', kind: 'u16', cite: 'RFC 2132 §5.1' },
  { code: OPTION.broadcastAddress, name: 'broadcast-address', kind: 'ipv4', cite: 'RFC 2132 §5.3' },
  { code: 33, name: 'static-route', kind: 'ipv4-list', cite: 'RFC 2132 §5.8' },
  { code: 40, name: 'network-information-service-domain', kind: 'text', cite: 'RFC 2132 §8.1' },
  { code: 41, name: 'network-information-servers', kind: 'ipv4-list', cite: 'RFC 2132 §8.2' },
  { code: OPTION.ntpServers, name: 'ntp-servers', kind: 'ipv4-list', cite: 'RFC 2132 §8.3' },
  {
    code: OPTION.vendorSpecificInformation,
    name: 'vendor-specific-information',
    kind: 'tlvs',
    cite: 'RFC 2132 §8.4; PXE 2.1, Table 2-1',
  },
  { code: OPTION.requestedAddress, name: 'requested-ip-address', kind: 'ipv4', cite: 'RFC 2132 §9.1' },
  { code: OPTION.leaseTime, name: 'ip-address-lease-time', kind: 'u32', cite: 'RFC 2132 §9.2' },
  { code: OPTION.overload, name: 'option-overload', kind: 'u8', cite: 'RFC 2132 §9.3' },
  { code: OPTION.messageType, name: 'dhcp-message-type', kind: 'message-type', cite: 'RFC 2132 §9.6' },
  { code: OPTION.serverIdentifier, name: 'server-identifier', kind: 'ipv4', cite: 'RFC 2132 §9.7' },
  { code: OPTION.parameterRequestList, name: 'parameter-request-list', kind: 'codes', cite: 'RFC 2132 §9.8' },
  { code: OPTION.message, name: 'message', kind: 'text', cite: 'RFC 2132 §9.9' },
  { code: OPTION.maxMessageSize, name: 'maximum-dhcp-message-size', kind: 'u16', cite: 'RFC 2132 §9.10' },
  { code: OPTION.renewalTime, name: 'renewal-time-value', kind: 'u32', cite: 'RFC 2132 §9.11' },
  { code: OPTION.rebindingTime, name: 'rebinding-time-value', kind: 'u32', cite: 'RFC 2132 §9.12' },
  { code: OPTION.vendorClass, name: 'vendor-class-identifier', kind: 'text', cite: 'RFC 2132 §9.13' },
  {
    code: OPTION.clientIdentifier,
    name: 'client-identifier',
    kind: 'client-identifier',
    cite: 'RFC 2132 §9.14; RFC 4361',
  },
  { code: OPTION.tftpServerName, name: 'tftp-server-name', kind: 'text', cite: 'RFC 2132 §9.4' },
  { code: OPTION.bootFileName, name: 'bootfile-name', kind: 'text', cite: 'RFC 2132 §9.5' },
  { code: OPTION.userClass, name: 'user-class', kind: 'user-class', cite: 'RFC 3004' },
  { code: OPTION.clientFqdn, name: 'client-fqdn', kind: 'bytes', cite: 'RFC 4702' },
  {
    code: OPTION.relayAgentInformation,
    name: 'relay-agent-information',
    kind: 'sub-options',
    cite: 'RFC 3046',
  },
  { code: OPTION.clientArch, name: 'client-system-architecture', kind: 'u16-list', cite: 'RFC 4578 §2.1' },
  { code: OPTION.clientNdi, name: 'client-network-interface', kind: 'ndi', cite: 'RFC 4578 §2.2' },
  { code: OPTION.clientUuid, name: 'client-machine-identifier', kind: 'uuid', cite: 'RFC 4578 §2.3' },
  { code: 108, name: 'ipv6-only-preferred', kind: 'u32', cite: 'RFC 8925' },
  { code: OPTION.url, name: 'url', kind: 'text', cite: 'RFC 3679; RFC 8910' },
  { code: 116, name: 'auto-configuration', kind: 'u8', cite: 'RFC 2563' },
  { code: OPTION.subnetSelection, name: 'subnet-selection', kind: 'ipv4', cite: 'RFC 3011' },
  { code: OPTION.domainSearch, name: 'domain-search', kind: 'bytes', cite: 'RFC 3397' },
  { code: OPTION.classlessStaticRoute, name: 'classless-static-route', kind: 'bytes', cite: 'RFC 3442' },
  {
    code: OPTION.vendorIdentifyingVendorClass,
    name: 'vendor-identifying-vendor-class',
    kind: 'bytes',
    cite: 'RFC 3925 §3',
  },
  {
    code: OPTION.vendorIdentifyingVendorInformation,
    name: 'vendor-identifying-vendor-specific-information',
    kind: 'bytes',
    cite: 'RFC 3925 §4',
  },
  // 128 to 135: reserved for PXE vendors (RFC 4578 §2.4). Clients ask for them; no server answers them.
  ...[128, 129, 130, 131, 132, 133, 134, 135].map(
    (code) => ({ code, name: `pxe-vendor-${code}`, kind: 'bytes', cite: 'RFC 4578 §2.4' }) as const,
  ),
  { code: OPTION.tftpServerAddress, name: 'tftp-server-address', kind: 'ipv4-list', cite: 'RFC 5859' },
  { code: OPTION.ipxe, name: 'ipxe-encapsulated', kind: 'ipxe', cite: 'iPXE; IANA "Etherboot (tentative)"' },
  { code: OPTION.iscsiInitiatorIqn, name: 'iscsi-initiator-iqn', kind: 'text', cite: 'iPXE' },
  { code: 208, name: 'pxelinux-magic', kind: 'bytes', cite: 'RFC 5071 §3' },
  { code: OPTION.pxelinuxConfigFile, name: 'pxelinux-configfile', kind: 'text', cite: 'RFC 5071 §4' },
  { code: OPTION.pxelinuxPathPrefix, name: 'pxelinux-pathprefix', kind: 'text', cite: 'RFC 5071 §5' },
  { code: 211, name: 'pxelinux-reboottime', kind: 'u32', cite: 'RFC 5071 §6' },
  { code: 252, name: 'web-proxy-auto-discovery', kind: 'text', cite: 'private use; WPAD' },
]

const ROW_OF_CODE: ReadonlyMap<number, OptionRow> = new Map(DHCP_OPTIONS.map((row) => [row.code, row]))

/** The row of an option number; undefined for numbers this table does not name. */
export function optionOfCode(code: number): OptionRow | undefined {
  return ROW_OF_CODE.get(code)
}

/** How many octets a kind of value takes: exactly so many, or at least `min` in multiples of `unit`. */
const LENGTHS: Readonly<
  Record<OptionKind, { readonly exact: number } | { readonly min: number; readonly unit: number }>
> = {
  ipv4: { exact: 4 },
  'ipv4-list': { min: 4, unit: 4 },
  u8: { exact: 1 },
  u16: { exact: 2 },
  'u16-list': { min: 2, unit: 2 },
  u32: { exact: 4 },
  i32: { exact: 4 },
  text: { min: 1, unit: 1 },
  bytes: { min: 0, unit: 1 },
  codes: { min: 1, unit: 1 },
  'message-type': { exact: 1 },
  ndi: { exact: 3 },
  uuid: { exact: 17 },
  'client-identifier': { min: 1, unit: 1 },
  'user-class': { min: 1, unit: 1 },
  tlvs: { min: 1, unit: 1 },
  ipxe: { min: 1, unit: 1 },
  'sub-options': { min: 1, unit: 1 },
}

/** The length of a fixed-length option; undefined for all others. */
export function fixedLengthOf(code: number): number | undefined {
  const lengths = LENGTHS[ROW_OF_CODE.get(code)?.kind ?? 'bytes']
  return 'exact' in lengths ? lengths.exact : undefined
}

/** Whether so many octets can be a value of this option. Options without a row may have any length. */
export function lengthFits(code: number, length: number): boolean {
  const lengths = LENGTHS[ROW_OF_CODE.get(code)?.kind ?? 'bytes']
  if ('exact' in lengths) return length === lengths.exact
  return length >= lengths.min && length % lengths.unit === 0
}
