import { createHash } from 'node:crypto'
import { err, ok, type Result } from '../lib/result.ts'
import { printable } from '../lib/text.ts'

/** One public key that may log in. */
export interface AuthorizedKey {
  /** The line as it goes into the image: type, key, comment. */
  readonly line: string
  readonly type: string
  /** As `ssh-keygen -l` prints it: `SHA256:` and base64 without padding. */
  readonly fingerprint: string
  /** Safe to print; empty where the line has none. */
  readonly comment: string
}

/** Octets of a file of keys that are read. */
export const KEYS_LIMIT = 256 * 1024

const RSA_BITS = 2048
const POINT_OCTETS: Readonly<Record<string, number>> = { nistp256: 65, nistp384: 97, nistp521: 133 }

/** Whether the fields after the key's type are those of such a key; a sentence if not. */
type CheckFields = (fields: readonly Uint8Array[]) => string | undefined

/** RFC 8709 section 4, RFC 5656 section 3.1, RFC 4253 section 6.6, OpenSSH's PROTOCOL.u2f. */
const TYPES: Readonly<Record<string, CheckFields>> = {
  'ssh-ed25519': (fields) => expectLengths(fields, [32]),
  'ecdsa-sha2-nistp256': (fields) => checkCurve('nistp256', fields),
  'ecdsa-sha2-nistp384': (fields) => checkCurve('nistp384', fields),
  'ecdsa-sha2-nistp521': (fields) => checkCurve('nistp521', fields),
  'ssh-rsa': checkRsa,
  'sk-ssh-ed25519@openssh.com': ([key, application, ...more]) =>
    application === undefined ? 'it is cut short' : expectLengths([key ?? application, ...more], [32]),
  'sk-ecdsa-sha2-nistp256@openssh.com': ([curve, point, application, ...more]) =>
    curve === undefined || point === undefined || application === undefined
      ? 'it is cut short'
      : checkCurve('nistp256', [curve, point, ...more]),
}

/**
 * The keys of an authorized_keys file (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"), each once. The error names the line.
 * Options before a key (`from=`, `command=`) are refused: an SSH server that leaves one out would let more in than its author meant.
 */
export function parseAuthorizedKeys(text: string): Result<readonly AuthorizedKey[], string> {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    return err('this is a private key; the public one is in the file of the same name with .pub')
  const found = new Map<string, AuthorizedKey>()
  for (const [i, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.trim()
    if (line === '' || line.startsWith('#')) continue
    const key = parseKey(line)
    if (!key.ok) return err(`line ${i + 1}: ${key.error}`)
    found.set(key.value.fingerprint, found.get(key.value.fingerprint) ?? key.value)
  }
  return found.size === 0 ? err('there is no key in it') : ok([...found.values()])
}

function parseKey(line: string): Result<AuthorizedKey, string> {
  const [type = '', base64 = '', ...words] = line.split(/[ \t]+/)
  const check = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (check === undefined) return err(wrongType(type, line))
  const blob = Buffer.from(base64, 'base64')
  if (base64 === '' || blob.toString('base64') !== base64) return err(`the key after ${type} is no base64`)
  const fields = readStrings(blob)
  const [inner, ...rest] = fields ?? []
  if (fields === undefined || inner === undefined) return err(`the ${type} key is cut short`)
  if (Buffer.from(inner).toString('latin1') !== type) return err(`the line says ${type}, its key does not`)
  const problem = check(rest)
  if (problem !== undefined) return err(`the ${type} key: ${problem}`)
  const comment = printable(words.join(' '), 100)
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')
  const words3 = [type, base64, ...(comment === '' ? [] : [comment])]
  return ok({ line: words3.join(' '), type, fingerprint: `SHA256:${digest}`, comment })
}

function wrongType(type: string, line: string): string {
  const known = Object.keys(TYPES).join(', ')
  if (type === 'ssh-dss') return 'ssh-dss keys are too weak and not accepted'
  if (type.includes('-cert-v01@')) return 'certificates are not accepted: name the key itself'
  if (Object.keys(TYPES).some((name) => new RegExp(`\\s${escapeRegExp(name)}\\s`).test(line)))
    return 'options before a key are not supported: begin the line with its type'
  return `"${printable(type, 40)}" is no type of a key; there are ${known}`
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** The `string` fields of RFC 4251 section 5; undefined when the last one is cut short. */
function readStrings(blob: Uint8Array): readonly Uint8Array[] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength)
  const fields: Uint8Array[] = []
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined
    const end = at + 4 + view.getUint32(at)
    if (end > blob.length) return undefined
    fields.push(blob.subarray(at + 4, end))
    at = end
  }
  return fields
}

function expectLengths(fields: readonly Uint8Array[], lengths: readonly number[]): string | undefined {
  if (fields.length < lengths.length) return 'it is cut short'
  if (fields.length > lengths.length) return 'something follows it'
  const wrong = fields.findIndex((field, i) => field.length !== lengths[i])
  return wrong < 0 ? undefined : `${fields[wrong]?.length} octets instead of ${lengths[wrong]}`
}

function checkCurve(curve: string, [name, ...point]: readonly Uint8Array[]): string | undefined {
  if (name === undefined || Buffer.from(name).toString('latin1') !== curve) return `its curve is not ${curve}`
  return expectLengths(point, [POINT_OCTETS[curve] ?? 0])
}

function checkRsa([exponent, modulus, ...more]: readonly Uint8Array[]): string | undefined {
  if (exponent === undefined || modulus === undefined) return 'it is cut short'
  if (more.length > 0) return 'something follows it'
  const first = modulus.findIndex((octet) => octet !== 0)
  const bits = first < 0 ? 0 : (modulus.length - first) * 8 - Math.clz32(modulus[first] ?? 0) + 24
  return bits < RSA_BITS ? `${bits} bits; at least ${RSA_BITS} are expected` : undefined
}
