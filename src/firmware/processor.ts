/** Machine types of a PE header (Microsoft PE format; UEFI 2.10 §2.1.1), as the architectures call their processor. */
const MACHINES: Readonly<Record<number, string>> = {
  332: 'ia32',
  450: 'arm32',
  20530: 'riscv32',
  20580: 'riscv64',
  25188: 'loong64',
  34404: 'x64',
  43620: 'arm64',
}

/** The processor that an EFI program is for; undefined when it is none, or for another one. */
export function processorOf(data: Uint8Array): string | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  if (data.length < 64 || view.getUint16(0) !== 0x4d5a) return undefined
  const header = view.getUint32(60, true)
  if (header + 6 > data.length || view.getUint32(header) !== 0x50450000) return undefined
  return MACHINES[view.getUint16(header + 4, true)]
}
