import type { Mac } from '../lib/mac.ts'

/** How the machine's instructions run. */
export type Acceleration = 'tcg' | 'kvm'

/** A virtual machine of the lab, as its owner would describe the hardware. */
export interface Machine {
  readonly name: string
  /** `bios`: SeaBIOS and the card's iPXE ROM. `uefi`: OVMF and its own PXE and HTTP boot, no card ROM. */
  readonly firmware: 'bios' | 'uefi'
  /** What OVMF tries: HTTP alone, or PXE over IPv4 and then HTTP; default: PXE over IPv4 and IPv6, which takes a minute, then HTTP. */
  readonly uefiBoots?: 'http' | 'ipv4'
  /** OVMF in System Management Mode with Microsoft's keys: it starts nothing but what they signed. Default: off. */
  readonly secureBoot?: true
  /** An EFI_SIGNATURE_LIST of the certificates that OVMF trusts for HTTPS boot. Default: none. */
  readonly httpsAuthorities?: string
  readonly nic: 'virtio' | 'e1000'
  readonly mac: Mac
  readonly uuid: string
  /** The tap device that is its cable. */
  readonly tap: string
  readonly memoryMib: number
  readonly acceleration: Acceleration
  /** Its own folder: serial log, sockets, UEFI variables. */
  readonly folder: string
  /** Also answer on the serial console through a Unix socket (`serial.sock`). */
  readonly console?: boolean
  /** Its disk, made beforehand (disk-image.ts). */
  readonly disk?: { readonly path: string; readonly format: 'qcow2' | 'raw' }
  /**
   * Which of both boots first; default: the network. A blank disk is passed over at once, and so is, on BIOS, a
   * network that leaves the machine to its disk; OVMF then tries IPv6 and HTTP on the same card for minutes.
   */
  readonly bootFirst?: 'network' | 'disk'
  /** Keep the UEFI variables of its last run, as real hardware does. Default: as fresh from the factory. */
  readonly keepVariables?: boolean
  /** Pass what the machine sends through these two Unix sockets, on which somebody listens (plain-pxe-relay.ts). */
  readonly sentFrames?: { readonly toRelay: string; readonly fromRelay: string }
}

/** The files of a machine, all in its folder. */
export interface MachineFiles {
  readonly serialLog: string
  readonly consoleSocket: string
  readonly qmpSocket: string
  readonly uefiVariables: string
}

/** OVMF leaves out PXE over either IP version (edk2 OvmfPkg/README, "PXE support"). */
const WITHOUT_PXE = {
  http: ['IPv4', 'IPv6'],
  ipv4: ['IPv6'],
} as const

const OVMF = {
  plain: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  secure: {
    code: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
    // Microsoft's certificates are enrolled in `db` (Debian's ovmf, README.Debian).
    variables: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
  },
} as const

/** The variables store may be written in System Management Mode alone, or the guest could switch Secure Boot off. */
const PROTECTED_VARIABLES: readonly string[] = [
  ...['-global', 'driver=cfi.pflash01,property=secure,value=on'],
  // OVMF with SMM does not come back from S3 (edk2 OvmfPkg/README, "SMM support").
  ...['-global', 'ICH9-LPC.disable_s3=1'],
]

/** What a new machine's UEFI variables start from. */
export function ovmfVariables({ secureBoot }: Pick<Machine, 'secureBoot'>): string {
  return ovmf(secureBoot).variables
}

function ovmf(secureBoot: true | undefined): (typeof OVMF)['plain' | 'secure'] {
  return secureBoot === true ? OVMF.secure : OVMF.plain
}

/** Paths only; QEMU and `startMachine` make the files. */
export function machineFiles(machine: Pick<Machine, 'folder'>): MachineFiles {
  return {
    serialLog: `${machine.folder}/serial.log`,
    consoleSocket: `${machine.folder}/serial.sock`,
    qmpSocket: `${machine.folder}/qmp.sock`,
    uefiVariables: `${machine.folder}/uefi-variables.fd`,
  }
}

/**
 * The arguments of `qemu-system-x86_64` for a machine that boots from the network, or from its disk if it has one.
 * Throws for UEFI with an e1000: Debian's OVMF has no driver for it and would never send a packet.
 */
export function qemuArguments(machine: Machine): readonly string[] {
  if (machine.firmware === 'uefi' && machine.nic === 'e1000')
    throw new Error(`${machine.name}: OVMF has no driver for an e1000; use virtio`)
  return [
    ...['-name', machine.name, '-uuid', machine.uuid],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none'],
    ...acceleration(machine.acceleration),
    ...['-smp', '1', '-m', String(machine.memoryMib)],
    ...firmware(machine),
    ...network(machine),
    ...disk(machine),
    ...serial(machine),
    ...['-qmp', `unix:${optionValue(machineFiles(machine).qmpSocket)},server=on,wait=off`],
  ]
}

function acceleration(kind: Acceleration): readonly string[] {
  return kind === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,tb-size=256', '-cpu', 'qemu64']
}

function firmware(machine: Machine): readonly string[] {
  // graphics=off: SeaBIOS and iPXE talk on the first serial port.
  if (machine.firmware === 'bios') return ['-machine', 'pc,graphics=off']
  const variables = optionValue(machineFiles(machine).uefiVariables)
  const isSecure = machine.secureBoot === true
  return [
    ...['-machine', isSecure ? 'q35,smm=on' : 'q35', ...(isSecure ? PROTECTED_VARIABLES : [])],
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${ovmf(machine.secureBoot).code}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
    ...withoutPxe(machine),
    ...authorities(machine),
  ]
}

function withoutPxe({ uefiBoots }: Machine): readonly string[] {
  const versions = uefiBoots === undefined ? [] : WITHOUT_PXE[uefiBoots]
  return versions.flatMap((ip) => ['-fw_cfg', `name=opt/org.tianocore/${ip}PXESupport,string=n`])
}

/** OVMF makes the variable `TlsCaCertificate` of it (edk2 OvmfPkg/README, "HTTPS Boot"). */
function authorities({ httpsAuthorities: path }: Machine): readonly string[] {
  return path === undefined ? [] : ['-fw_cfg', `name=etc/edk2/https/cacerts,file=${optionValue(path)}`]
}

function network(machine: Machine): readonly string[] {
  const model = machine.nic === 'virtio' ? 'virtio-net-pci' : 'e1000'
  // An empty romfile leaves the network to OVMF; its own driver knows virtio only.
  const rom = machine.firmware === 'uefi' ? ',romfile=' : ''
  // With a vnet header the frames on the relay's sockets would not begin with Ethernet's.
  const frames = machine.sentFrames === undefined ? '' : ',vnet_hdr=off'
  return [
    ...['-netdev', `tap,id=net0,ifname=${machine.tap},script=no,downscript=no${frames}`],
    ...[
      '-device',
      `${model},netdev=net0,mac=${machine.mac},bootindex=${bootsDiskFirst(machine) ? 2 : 1}${rom}`,
    ],
    ...relay(machine),
  ]
}

function bootsDiskFirst({ bootFirst }: Machine): boolean {
  return bootFirst === 'disk'
}

function disk(machine: Machine): readonly string[] {
  const one = machine.disk
  if (one === undefined) return []
  const file = `file.driver=file,file.filename=${optionValue(one.path)}`
  return [
    ...['-blockdev', `driver=${one.format},node-name=disk0,${file}`],
    ...['-device', `virtio-blk-pci,drive=disk0,bootindex=${bootsDiskFirst(machine) ? 1 : 2}`],
  ]
}

/** QEMU's `queue=rx` is what the network back end receives: the frames the guest sends. */
function relay({ sentFrames }: Machine): readonly string[] {
  if (sentFrames === undefined) return []
  return [
    ...['-chardev', `socket,id=to-relay,path=${optionValue(sentFrames.toRelay)}`],
    ...['-chardev', `socket,id=from-relay,path=${optionValue(sentFrames.fromRelay)}`],
    ...['-object', 'filter-redirector,id=relay,netdev=net0,queue=rx,outdev=to-relay,indev=from-relay'],
  ]
}

function serial(machine: Machine): readonly string[] {
  const files = machineFiles(machine)
  const log = optionValue(files.serialLog)
  const backend =
    machine.console === true
      ? `socket,id=serial0,path=${optionValue(files.consoleSocket)},server=on,wait=off,logfile=${log}`
      : `file,id=serial0,path=${log}`
  return ['-chardev', backend, '-serial', 'chardev:serial0']
}

/** QEMU's option syntax: a comma in a value is doubled. */
function optionValue(value: string): string {
  return value.replaceAll(',', ',,')
}
