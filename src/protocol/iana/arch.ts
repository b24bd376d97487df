/**
 * Processor Architecture Types of DHCP option 93 (RFC 4578 §2.1, RFC 5970 §3.3; numbers from IANA's registry,
 * "Processor Architecture Types"). RFC 4578's text swaps 7 and 9; IANA's registry and every firmware we have
 * seen use 7 for x64 UEFI, and some x64 firmware sends 9 (EBC), so both are x64.
 */
export interface ArchRow {
  readonly code: number
  readonly name: string
  readonly title: string
  /** How this firmware fetches its first file. */
  readonly transport: 'tftp' | 'http'
}

/** Every type that the registry assigns. Configuration, events and `--arch` use the names, packets the codes. */
export const CLIENT_ARCHES = [
  { code: 0, name: 'bios-x86', title: 'x86 BIOS', transport: 'tftp' },
  { code: 1, name: 'nec-pc98', title: 'NEC/PC98', transport: 'tftp' },
  { code: 2, name: 'itanium', title: 'Itanium', transport: 'tftp' },
  { code: 3, name: 'dec-alpha', title: 'DEC Alpha', transport: 'tftp' },
  { code: 4, name: 'arc-x86', title: 'Arc x86', transport: 'tftp' },
  { code: 5, name: 'intel-lean', title: 'Intel Lean Client', transport: 'tftp' },
  { code: 6, name: 'uefi-ia32', title: 'x86 UEFI', transport: 'tftp' },
  { code: 7, name: 'uefi-x64', title: 'x64 UEFI', transport: 'tftp' },
  { code: 8, name: 'uefi-xscale', title: 'EFI Xscale', transport: 'tftp' },
  { code: 9, name: 'uefi-ebc', title: 'EBC (sent by x64 UEFI)', transport: 'tftp' },
  { code: 10, name: 'uefi-arm32', title: 'ARM 32-bit UEFI', transport: 'tftp' },
  { code: 11, name: 'uefi-arm64', title: 'ARM 64-bit UEFI', transport: 'tftp' },
  { code: 12, name: 'ppc-openfirmware', title: 'PowerPC Open Firmware', transport: 'tftp' },
  { code: 13, name: 'ppc-epapr', title: 'PowerPC ePAPR', transport: 'tftp' },
  { code: 14, name: 'ppc-opal', title: 'POWER OPAL v3', transport: 'tftp' },
  { code: 15, name: 'uefi-ia32-http', title: 'x86 UEFI boot from HTTP', transport: 'http' },
  { code: 16, name: 'uefi-x64-http', title: 'x64 UEFI boot from HTTP', transport: 'http' },
  { code: 17, name: 'uefi-ebc-http', title: 'EBC boot from HTTP', transport: 'http' },
  { code: 18, name: 'uefi-arm32-http', title: 'ARM 32-bit UEFI boot from HTTP', transport: 'http' },
  { code: 19, name: 'uefi-arm64-http', title: 'ARM 64-bit UEFI boot from HTTP', transport: 'http' },
  { code: 20, name: 'bios-x86-http', title: 'PC/AT BIOS boot from HTTP', transport: 'http' },
  { code: 21, name: 'uboot-arm32', title: 'ARM 32-bit U-Boot', transport: 'tftp' },
  { code: 22, name: 'uboot-arm64', title: 'ARM 64-bit U-Boot', transport: 'tftp' },
  { code: 23, name: 'uboot-arm32-http', title: 'ARM 32-bit U-Boot boot from HTTP', transport: 'http' },
  { code: 24, name: 'uboot-arm64-http', title: 'ARM 64-bit U-Boot boot from HTTP', transport: 'http' },
  { code: 25, name: 'uefi-riscv32', title: 'RISC-V 32-bit UEFI', transport: 'tftp' },
  { code: 26, name: 'uefi-riscv32-http', title: 'RISC-V 32-bit UEFI boot from HTTP', transport: 'http' },
  { code: 27, name: 'uefi-riscv64', title: 'RISC-V 64-bit UEFI', transport: 'tftp' },
  { code: 28, name: 'uefi-riscv64-http', title: 'RISC-V 64-bit UEFI boot from HTTP', transport: 'http' },
  { code: 29, name: 'uefi-riscv128', title: 'RISC-V 128-bit UEFI', transport: 'tftp' },
  { code: 30, name: 'uefi-riscv128-http', title: 'RISC-V 128-bit UEFI boot from HTTP', transport: 'http' },
  { code: 31, name: 's390-basic', title: 's390 Basic', transport: 'tftp' },
  { code: 32, name: 's390-extended', title: 's390 Extended', transport: 'tftp' },
  { code: 33, name: 'uefi-mips32', title: 'MIPS 32-bit UEFI', transport: 'tftp' },
  { code: 34, name: 'uefi-mips64', title: 'MIPS 64-bit UEFI', transport: 'tftp' },
  { code: 35, name: 'uefi-sunway32', title: 'Sunway 32-bit UEFI', transport: 'tftp' },
  { code: 36, name: 'uefi-sunway64', title: 'Sunway 64-bit UEFI', transport: 'tftp' },
  { code: 37, name: 'uefi-loong32', title: 'LoongArch 32-bit UEFI', transport: 'tftp' },
  { code: 38, name: 'uefi-loong32-http', title: 'LoongArch 32-bit UEFI boot from HTTP', transport: 'http' },
  { code: 39, name: 'uefi-loong64', title: 'LoongArch 64-bit UEFI', transport: 'tftp' },
  { code: 40, name: 'uefi-loong64-http', title: 'LoongArch 64-bit UEFI boot from HTTP', transport: 'http' },
  { code: 41, name: 'arm-rpiboot', title: 'ARM rpiboot', transport: 'tftp' },
] as const satisfies readonly ArchRow[]

export type ClientArch = (typeof CLIENT_ARCHES)[number]['name']

/** The row of an option 93 value; undefined for numbers IANA has not assigned. */
export function archOfCode(code: number): (typeof CLIENT_ARCHES)[number] | undefined {
  return CLIENT_ARCHES.find((row) => row.code === code)
}

/** The row of one of our names (`bios-x86`, `uefi-x64`, ...). */
export function archOfName(name: string): (typeof CLIENT_ARCHES)[number] | undefined {
  return CLIENT_ARCHES.find((row) => row.name === name)
}

/** IANA's own number of the Raspberry Pi; its older ROMs send 0. */
export function isRaspberryPi({ name }: Pick<ArchRow, 'name'>): boolean {
  return name === 'arm-rpiboot'
}
