import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ipv4 } from '../lib/ipv4.ts'
import { signatureList } from '../protocol/efi/signature-list.ts'
import {
  type CertificateBody,
  type CertificatePurpose,
  certificateBody,
  pem,
  signedCertificate,
} from '../protocol/x509/certificate.ts'

/** What an authority's folder holds. Keys have mode 0600. */
export const TLS_FILES = {
  authorityKey: 'ca.key',
  /** PEM. */
  authority: 'ca.crt',
  /** DER, as the setup menu of EDK2 reads it. */
  authorityDer: 'ca.der',
  /** EFI_SIGNATURE_LIST, as OVMF takes it by fw_cfg. */
  authorityList: 'ca.esl',
  serverKey: 'server.key',
  /** PEM: the server's, then the authority's, which iPXE needs to be sent. */
  server: 'server.crt',
} as const

const AUTHORITY_BITS = 3072
/** What old firmware still computes in a moment. */
const SERVER_BITS = 2048
const DAY_MS = 24 * 60 * 60_000
/** Every clock that lost its battery is later than this: those of PCs come back in 2000 or at the date of their BIOS. */
const NOT_BEFORE = Date.UTC(2000, 0, 1)

export interface Issued {
  readonly names: readonly string[]
  readonly addresses: readonly Ipv4[]
  /** Common name of the server. */
  readonly commonName: string
  /** From now on. */
  readonly days: number
  /** Milliseconds since 1970. */
  readonly now: number
}

export interface NewAuthority extends Issued {
  readonly authorityName: string
  readonly authorityDays: number
}

/** The names of files that an authority of this folder would overwrite. */
export function authorityFilesIn(dir: string): readonly string[] {
  return Object.values(TLS_FILES).filter((name) => existsSync(join(dir, name)))
}

/** Makes the folder, a root of its own, and a certificate of the server. Throws rather than overwrite a file. */
export function createAuthority(dir: string, wanted: NewAuthority): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 })
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: AUTHORITY_BITS })
  const keyId = keyIdOf(publicKey)
  const der = signed(
    {
      serial: newSerial(),
      subject: wanted.authorityName,
      issuer: wanted.authorityName,
      notBefore: NOT_BEFORE,
      notAfter: wanted.now + wanted.authorityDays * DAY_MS,
      publicKey: spki(publicKey),
      keyId,
      issuerKeyId: keyId,
      purpose: { kind: 'authority' },
    },
    privateKey,
  )
  const server = generateKeyPairSync('rsa', { modulusLength: SERVER_BITS })
  const write = (name: string, data: string | Uint8Array, mode: number): void =>
    writeFileSync(join(dir, name), data, { flag: 'wx', mode })
  write(TLS_FILES.authorityKey, pkcs8(privateKey), 0o600)
  write(TLS_FILES.authority, certificatePem(der), 0o644)
  write(TLS_FILES.authorityDer, der, 0o644)
  write(TLS_FILES.authorityList, signatureList(der), 0o644)
  write(TLS_FILES.serverKey, pkcs8(server.privateKey), 0o600)
  write(TLS_FILES.server, chainOf({ der, key: privateKey }, server.publicKey, wanted), 0o644)
}

/**
 * A new certificate for the server's key, by the authority of this folder; machines that trust it need nothing new. The
 * key stays, so that there is no moment at which the two files do not belong together. Throws when a file is missing.
 */
export function renewServer(dir: string, wanted: Issued): void {
  const key = createPrivateKey(readFileSync(join(dir, TLS_FILES.authorityKey)))
  const authority = new X509Certificate(readFileSync(join(dir, TLS_FILES.authority)))
  if (!/^CN=[^\n]+$/.test(authority.subject))
    throw new Error(
      `${TLS_FILES.authority} is not of this program: sign the server's certificate where it is from`,
    )
  const server = createPublicKey(readFileSync(join(dir, TLS_FILES.serverKey)))
  const path = join(dir, TLS_FILES.server)
  const temporary = `${path}.new`
  writeFileSync(temporary, chainOf({ der: authority.raw, key }, server, wanted), { mode: 0o644 })
  chmodSync(temporary, 0o644)
  renameSync(temporary, path)
}

interface Signer {
  readonly der: Uint8Array
  readonly key: KeyObject
}

function chainOf({ der, key }: Signer, server: KeyObject, wanted: Issued): string {
  const { names, addresses, commonName, now, days } = wanted
  const authority = new X509Certificate(der)
  const purpose: CertificatePurpose = { kind: 'server', names, addresses }
  const leaf = signed(
    {
      ...{ serial: newSerial(), subject: commonName, issuer: authority.subject.replace(/^CN=/, '') },
      ...{ notBefore: NOT_BEFORE, notAfter: Math.min(now + days * DAY_MS, Date.parse(authority.validTo)) },
      ...{
        publicKey: spki(server),
        keyId: keyIdOf(server),
        issuerKeyId: keyIdOf(authority.publicKey),
        purpose,
      },
    },
    key,
  )
  return certificatePem(leaf) + certificatePem(der)
}

function signed(body: CertificateBody, key: KeyObject): Uint8Array {
  const toSign = certificateBody(body)
  return signedCertificate(toSign, sign('sha256', toSign, key))
}

/** 127 bits at random, and never zero (RFC 5280 §4.1.2.2). */
function newSerial(): Uint8Array {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}

function keyIdOf(key: KeyObject): Uint8Array {
  return createHash('sha256').update(spki(key)).digest().subarray(0, 20)
}

function spki(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' })
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function certificatePem(der: Uint8Array): string {
  return pem('CERTIFICATE', Buffer.from(der).toString('base64'))
}
