/** By the end of a file's name. UEFI HTTP boot goes by these alone (UEFI 2.10 §24.7.3.1, RFC 9110 §8.3). */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['efi', 'application/efi'],
  ['iso', 'application/vnd.efi-iso'],
  ['img', 'application/vnd.efi-img'],
])

/** The media type of a file that clients boot; octets where its name tells nothing. */
export function contentTypeOf(name: string): string {
  const end = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
  return TYPES.get(end) ?? 'application/octet-stream'
}
