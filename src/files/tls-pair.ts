import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { printable } from '../lib/text.ts'
import type { CertificateFacts, TlsFiles, TlsProblem, TlsReading } from '../model/tls.ts'

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
const OCSP = /OCSP - URI/

/** Reads both files and judges them at `now`, in milliseconds since 1970. Never rejects. */
export async function readTlsPair(files: TlsFiles, now: number): Promise<TlsReading> {
  const [certificate, key] = await Promise.all([text(files.certificate), text(files.key)])
  const problems: TlsProblem[] = []
  if (!certificate.ok) problems.push(wrong('certificate', `cannot be read: ${certificate.error}`))
  if (!key.ok) problems.push(wrong('key', `cannot be read: ${key.error}`))
  return certificate.ok && key.ok
    ? judgeTlsPair({ certificate: certificate.text, key: key.text }, now)
    : { problems }
}

/** The same of two PEM texts. */
export function judgeTlsPair(texts: TlsFiles, now: number): TlsReading {
  const chain = certificatesIn(texts.certificate)
  const key = privateKeyIn(texts.key)
  const [leaf] = chain ?? []
  const problems: TlsProblem[] = []
  if (leaf === undefined) problems.push(wrong('certificate', 'has no certificate in PEM form'))
  if (typeof key === 'string') problems.push(wrong('key', key))
  if (chain === undefined || leaf === undefined || typeof key === 'string') return { problems }
  if (!leaf.checkPrivateKey(key))
    return { problems: [wrong('key', 'does not belong to the first certificate of the other file')] }
  const refused = refusal(texts)
  if (refused !== undefined) return { problems: [wrong('certificate', refused)] }
  const facts = factsOf(chain, leaf)
  return {
    pair: { ...facts, certificate: texts.certificate, privateKey: texts.key },
    problems: doubts(leaf, facts, now),
  }
}

/** What the first certificate of a PEM or DER text says; undefined when there is none. */
export function describeCertificate(data: Uint8Array): CertificateFacts | undefined {
  const chain = certificatesIn(Buffer.from(data).toString('latin1')) ?? parsed([data])
  const [leaf] = chain ?? []
  return chain === undefined || leaf === undefined ? undefined : factsOf(chain, leaf)
}

/** Changes whenever one of the files does, also while one is missing. */
export async function tlsRevision(files: TlsFiles): Promise<string> {
  const parts = await Promise.all(
    [files.certificate, files.key].map((path) =>
      stat(path, { bigint: true }).then(
        ({ ino, size, mtimeNs }) => [ino, size, mtimeNs].join(':'),
        () => 'missing',
      ),
    ),
  )
  return parts.join(' ')
}

type Text = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string }

function text(path: string): Promise<Text> {
  return readFile(path, 'latin1').then(
    (found) => ({ ok: true, text: found }),
    (error: unknown) => ({ ok: false, error: messageOf(error) }),
  )
}

function certificatesIn(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(PEM_CERTIFICATE)
  return blocks === null ? undefined : parsed(blocks)
}

function parsed(encoded: readonly (string | Uint8Array)[]): readonly X509Certificate[] | undefined {
  try {
    return encoded.map((one) => new X509Certificate(one))
  } catch {
    return undefined
  }
}

/** The key, or why there is none. */
function privateKeyIn(pem: string): KeyObject | string {
  if (/ENCRYPTED/.test(pem))
    return 'is encrypted; nobody is there to type its passphrase: write it without one'
  try {
    return createPrivateKey(pem)
  } catch {
    return 'has no private key in PEM form'
  }
}

/** Why OpenSSL would not serve with it. */
function refusal({ certificate, key }: TlsFiles): string | undefined {
  try {
    createSecureContext({ cert: certificate, key })
    return undefined
  } catch (error) {
    return `cannot be served: ${messageOf(error)}`
  }
}

function factsOf(chain: readonly X509Certificate[], leaf: X509Certificate): CertificateFacts {
  const { asymmetricKeyType, asymmetricKeyDetails: details } = leaf.publicKey
  const names = (leaf.subjectAltName ?? '').split(', ')
  const of = (prefix: string): readonly string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => printable(name.slice(prefix.length)))
  return {
    subject: oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    names: of('DNS:'),
    addresses: of('IP Address:'),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    sha256: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    key: `${asymmetricKeyType?.toUpperCase() ?? 'unknown'} ${details?.modulusLength ?? details?.namedCurve ?? ''}`.trim(),
    chainLength: chain.length,
  }
}

function oneLine(name: string | undefined): string {
  return printable((name ?? '').replaceAll('\n', ', '))
}

function doubts(leaf: X509Certificate, facts: CertificateFacts, now: number): readonly TlsProblem[] {
  const doubt = (message: string): TlsProblem => ({ of: 'certificate', severity: 'warning', message })
  return [
    ...(now > facts.notAfter
      ? [doubt(`expired on ${day(facts.notAfter)}: machines refuse it; make a new one, centra-pxe tls renew`)]
      : []),
    ...(now < facts.notBefore
      ? [doubt(`is not valid before ${day(facts.notBefore)}: machines refuse it`)]
      : []),
    ...(facts.key.startsWith('RSA')
      ? []
      : [doubt(`its key is ${facts.key}: an iPXE from before December 2025 takes RSA alone`)]),
    ...(OCSP.test(leaf.infoAccess ?? '')
      ? [doubt('names an OCSP responder, which iPXE asks before it boots: it must be reachable from there')]
      : []),
    ...(facts.chainLength === 1 && facts.subject !== facts.issuer
      ? [doubt('has no issuer after it: iPXE needs every certificate up to the root it trusts in this file')]
      : []),
  ]
}

/** `2026-11-23`. */
function day(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}

function wrong(of: keyof TlsFiles, message: string): TlsProblem {
  return { of, severity: 'error', message }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
