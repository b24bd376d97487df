/** Hardware types of the header field `htype` (RFC 1700 "ARP Parameters"; IANA "Hardware Types"). */
const HARDWARE_TYPES = [
  { code: 1, name: 'ethernet', cite: 'RFC 1700' },
  { code: 6, name: 'ieee-802', cite: 'RFC 1700' },
  { code: 7, name: 'arcnet', cite: 'RFC 1201' },
  { code: 15, name: 'frame-relay', cite: 'RFC 1700' },
  { code: 18, name: 'fibre-channel', cite: 'RFC 4338' },
  { code: 20, name: 'serial-line', cite: 'RFC 1700' },
  { code: 24, name: 'ieee-1394', cite: 'RFC 2855' },
  { code: 27, name: 'eui-64', cite: 'IANA' },
  { code: 32, name: 'infiniband', cite: 'RFC 4391' },
] as const

/** The `htype` values on which code depends, out of the table above. */
export const HTYPE = { ethernet: 1, ieee802: 6, infiniband: 32 } as const

/** IANA's name of a hardware type; undefined for those this table does not hold. */
export function hardwareTypeName(code: number): string | undefined {
  return HARDWARE_TYPES.find((row) => row.code === code)?.name
}
