/** Machines in QEMU that are not the lab's own: arm64, and x86 with 32-bit UEFI. Their firmware is unpacked, not installed. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeTap } from '../../src/lab/namespace.ts'
import { peerEnvironment } from './debian-peer.ts'

export const ARM64_QEMU = ['qemu-system-arm', 'qemu-system-data'] as const
export const ARM64_EDK2 = 'qemu-efi-aarch64'
export const IA32_EDK2 = 'ovmf-ia32'

export interface OtherMachine {
  readonly name: string
  readonly mac: string
}

/** A command line, its program first. The machine's folder and its cable to `prov0` are made. */
export type Command = readonly [string, ...(readonly string[])]

/** EDK2 arm64. `qemu` and `edk2` are trees of ARM64_QEMU and ARM64_EDK2. */
export async function arm64Machine(
  machine: OtherMachine,
  { qemu, edk2, http }: { readonly qemu: string; readonly edk2: string; readonly http?: true },
): Promise<Command> {
  const share = join(edk2, 'usr/share/AAVMF')
  const drives = makeVariables(machine, join(share, 'AAVMF_CODE.fd'), join(share, 'AAVMF_VARS.fd'))
  return [
    ...arm64Command(qemu),
    ...drives,
    ...(http === true ? ['IPv4', 'IPv6'].flatMap(withoutPxe) : []),
    ...(await common(machine)),
  ]
}

/** QEMU's arm64 board without firmware. */
export function arm64Command(qemu: string): Command {
  return [
    ...(['env', peerEnvironment(qemu), `${qemu}/usr/bin/qemu-system-aarch64`] as const),
    ...['-L', `${qemu}/usr/share/qemu`, '-M', 'virt', '-accel', 'tcg', '-cpu', 'cortex-a57', '-m', '1024'],
  ]
}

/** 32-bit OVMF on a 64-bit processor, which Debian builds for System Management Mode alone. */
export async function ia32Machine(machine: OtherMachine, edk2: string): Promise<Command> {
  const share = join(edk2, 'usr/share/OVMF')
  const code = join(share, 'OVMF32_CODE_4M.secboot.fd')
  return [
    ...(['qemu-system-x86_64', '-accel', 'tcg,tb-size=256', '-cpu', 'qemu64', '-m', '512'] as const),
    ...['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
    ...['-global', 'ICH9-LPC.disable_s3=1', '-vga', 'none'],
    ...makeVariables(machine, code, join(share, 'OVMF32_VARS_4M.fd')),
    ...(await common(machine)),
  ]
}

export function serialOf({ name }: Pick<OtherMachine, 'name'>): string {
  return `/run/${name}/serial.log`
}

/** Serial console, UUID and network card. */
export async function common({ name, mac }: OtherMachine): Promise<readonly string[]> {
  const tap = `tap-${name}`.slice(0, 15)
  mkdirSync(`/run/${name}`, { recursive: true })
  if (!existsSync(`/sys/class/net/${tap}`)) await makeTap({ name: tap, bridge: 'prov0' })
  return [
    ...['-nodefaults', '-display', 'none', '-serial', `file:${serialOf({ name })}`],
    ...['-uuid', `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`],
    ...['-netdev', `tap,id=net0,ifname=${tap},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net0,mac=${mac},romfile=`],
  ]
}

/** Firmware and its variables, as fresh from the factory. */
function makeVariables({ name }: OtherMachine, code: string, variables: string): readonly string[] {
  const own = `/run/${name}/variables.fd`
  mkdirSync(`/run/${name}`, { recursive: true })
  copyFileSync(variables, own)
  return [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${code}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${own}`],
  ]
}

function withoutPxe(ip: string): readonly string[] {
  return ['-fw_cfg', `name=opt/org.tianocore/${ip}PXESupport,string=n`]
}
