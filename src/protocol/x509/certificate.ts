import { formatIpv4, type Ipv4 } from '../../lib/ipv4.ts'
import {
  bitString,
  booleanTrue,
  context,
  integer,
  nothing,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  utf8String,
} from './der.ts'

/** What a certificate says (RFC 5280 §4.1). Its signature is made elsewhere. */
export interface CertificateBody {
  /** 1 to 20 octets, not all zero. */
  readonly serial: Uint8Array
  /** Common names. */
  readonly subject: string
  readonly issuer: string
  /** Milliseconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array
  /** Any octets that tell this key, and the issuer's, from others (RFC 5280 §4.2.1.1, §4.2.1.2). */
  readonly keyId: Uint8Array
  readonly issuerKeyId: Uint8Array
  readonly purpose: CertificatePurpose
}

export type CertificatePurpose =
  /** Signs certificates of servers, and of nobody who signs further. */
  | { readonly kind: 'authority' }
  | { readonly kind: 'server'; readonly names: readonly string[]; readonly addresses: readonly Ipv4[] }

const SHA256_WITH_RSA = '1.2.840.113549.1.1.11'
const COMMON_NAME = '2.5.4.3'
const EXTENSION = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

/** The bits of keyUsage, the first one on the left (RFC 5280 §4.2.1.3). */
const SIGNS_AND_ENCIPHERS = bitString(Uint8Array.of(0b1010_0000), 5)
const SIGNS_CERTIFICATES = bitString(Uint8Array.of(0b0000_0110), 1)

const DIGEST_AND_CIPHER = sequence(oid(SHA256_WITH_RSA), nothing())

/**
 * TBSCertificate in DER, for an RSA signature with SHA-256.
 *
 * Only extensions that iPXE knows are critical, since it refuses every other one (x509_parse_extension): so there are no
 * name constraints. No responder of OCSP is named: iPXE would ask it before it went on (https://ipxe.org/crypto).
 */
export function certificateBody(body: CertificateBody): Uint8Array {
  return sequence(
    context(0, 'explicit', integer(Uint8Array.of(2))),
    integer(body.serial),
    DIGEST_AND_CIPHER,
    distinguishedName(body.issuer),
    sequence(time(body.notBefore), time(body.notAfter)),
    distinguishedName(body.subject),
    body.publicKey,
    context(3, 'explicit', sequence(...extensions(body))),
  )
}

/** The certificate in DER: body, and the RSA signature with SHA-256 over it. */
export function signedCertificate(body: Uint8Array, signature: Uint8Array): Uint8Array {
  return sequence(body, DIGEST_AND_CIPHER, bitString(signature))
}

function distinguishedName(commonName: string): Uint8Array {
  return sequence(setOf(sequence(oid(COMMON_NAME), utf8String(commonName))))
}

function extensions({ purpose, keyId, issuerKeyId }: CertificateBody): readonly Uint8Array[] {
  const keys = [
    extension(EXTENSION.subjectKeyId, octetString(keyId)),
    extension(EXTENSION.authorityKeyId, sequence(context(0, 'implicit', issuerKeyId))),
  ]
  switch (purpose.kind) {
    case 'authority':
      return [
        critical(EXTENSION.basicConstraints, sequence(booleanTrue(), integer(Uint8Array.of(0)))),
        critical(EXTENSION.keyUsage, SIGNS_CERTIFICATES),
        ...keys,
      ]
    case 'server':
      return [
        critical(EXTENSION.basicConstraints, sequence()),
        critical(EXTENSION.keyUsage, SIGNS_AND_ENCIPHERS),
        extension(EXTENSION.extendedKeyUsage, sequence(oid(SERVER_AUTH))),
        extension(EXTENSION.subjectAltName, sequence(...alternativeNames(purpose))),
        ...keys,
      ]
    default:
      return purpose satisfies never
  }
}

/** Addresses as addresses: EDK2 and iPXE compare the octets. */
function alternativeNames({
  names,
  addresses,
}: Extract<CertificatePurpose, { kind: 'server' }>): readonly Uint8Array[] {
  return [
    ...names.map((name) => context(2, 'implicit', new TextEncoder().encode(name))),
    ...addresses.map((address) =>
      context(7, 'implicit', Uint8Array.from(formatIpv4(address).split('.').map(Number))),
    ),
  ]
}

function extension(id: string, value: Uint8Array): Uint8Array {
  return sequence(oid(id), octetString(value))
}

function critical(id: string, value: Uint8Array): Uint8Array {
  return sequence(oid(id), booleanTrue(), octetString(value))
}

/** RFC 7468 §2: base64 in lines of 64 characters. */
export function pem(label: string, base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
