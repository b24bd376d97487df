import { err, ok, type Result } from '../../lib/result.ts'
import { fromHex } from '../../lib/text.ts'

/** SHA-256 of the iPXE root CA's certificate, which a build without `TRUST=` trusts alone (src/crypto/rootcert.c). */
const IPXE_ROOT =
  fromHex('9faf717b7f8ca2f93c256c79f8ac5591895d66d1ff3bee6397a70d29c65eed1a') ?? new Uint8Array()

/** Offsets in a PE image (Microsoft PE format): where its header is, and in it the directory of signatures. */
const PE_HEADER_AT = 0x3c
const OPTIONAL_HEADER = 24
const PE32_PLUS = 0x20b
const DIRECTORIES = { pe32: 96, pe32Plus: 112 } as const
const SECURITY_DIRECTORY = 4

/**
 * An iPXE EFI image that trusts another root: a copy in which the fingerprint of its one trusted root (SHA-256, 32
 * octets) is `fingerprint`. What `TRUST=` does at build time, for the binaries of distributions. The error is a sentence.
 */
export function withTrustedRoot(image: Uint8Array, fingerprint: Uint8Array): Result<Uint8Array, string> {
  if (fingerprint.length !== IPXE_ROOT.length) throw new RangeError('a SHA-256 has 32 octets')
  if (isSigned(image))
    return err('it is signed for Secure Boot, and would be refused once changed; use an unsigned one')
  const places = placesOf(image, IPXE_ROOT)
  const [place] = places
  if (place === undefined)
    return err(
      'the fingerprint of the iPXE root is not in it: it is no iPXE with HTTPS, compressed (BIOS), or built with TRUST=',
    )
  if (places.length > 1)
    return err(`the fingerprint of the iPXE root is in it ${places.length} times: it is no single iPXE`)
  const changed = Uint8Array.from(image)
  changed.set(fingerprint, place)
  return ok(changed)
}

function placesOf(image: Uint8Array, wanted: Uint8Array): readonly number[] {
  const places: number[] = []
  for (let at = image.indexOf(wanted[0] ?? 0); at >= 0; at = image.indexOf(wanted[0] ?? 0, at + 1))
    if (wanted.every((octet, i) => image[at + i] === octet)) places.push(at)
  return places
}

/** Whether the image has a certificate table. False for what is no PE image. */
function isSigned(image: Uint8Array): boolean {
  const view = new DataView(image.buffer, image.byteOffset, image.length)
  const u32 = (at: number): number => (at + 4 <= image.length ? view.getUint32(at, true) : 0)
  const optional = u32(PE_HEADER_AT) + OPTIONAL_HEADER
  const isPlus = (u32(optional) & 0xffff) === PE32_PLUS
  const directories = optional + (isPlus ? DIRECTORIES.pe32Plus : DIRECTORIES.pe32)
  return u32(directories + SECURITY_DIRECTORY * 8 + 4) !== 0
}
