/**
 * The Secure Boot chain of iPXE's project with keys of the test's own: its signed files are no Debian package. Debian's shim is of the
 * same version and stands in for the project's, with another vendor certificate and another second stage, then signed by a
 * key that stands in for Microsoft's.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ovmfVariables } from '../../src/lab/qemu-arguments.ts'
import { signatureList } from '../../src/protocol/efi/signature-list.ts'
import { peerEnvironment } from './debian-peer.ts'
import { withTrusted } from './uefi-variables.ts'

/** What `tools` must have. */
export const SIGNING_PACKAGES = ['sbsigntool', 'openssl', 'shim-unsigned'] as const

export interface SignedIpxeParts {
  /** Has SIGNING_PACKAGES. */
  readonly tools: string
  /** Has iPXE 2.0. */
  readonly ipxe: string
}

/** The keys: `firmware` signs the shim, `project` what the shim starts; no machine knows `project`. */
export interface SignedIpxe {
  /** Variables of a firmware that trusts `firmware` and Microsoft. */
  readonly variables: string
  readonly shim: string
  readonly ipxe: string
  /** The same iPXE, signed by `firmware`: what needs no shim. */
  readonly enrolled: string
}

/** Makes keys and files in a folder. */
export function makeSignedIpxe({ tools, ipxe: tree }: SignedIpxeParts, folder: string): SignedIpxe {
  mkdirSync(folder, { recursive: true })
  const firmware = makeKey(tools, join(folder, 'firmware'))
  const project = makeKey(tools, join(folder, 'project'))
  const made = {
    variables: join(folder, 'variables.fd'),
    shim: join(folder, 'snponly-shim.efi'),
    ipxe: join(folder, 'snponly.efi'),
    enrolled: join(folder, 'enrolled.efi'),
  }
  const microsofts = readFileSync(ovmfVariables({ secureBoot: true }))
  writeFileSync(made.variables, withTrusted(microsofts, signatureList(derOf(firmware))))
  const unsigned = join(folder, 'unsigned-shim.efi')
  writeFileSync(unsigned, projectShim(tools, derOf(project)))
  sign(tools, { key: firmware, file: unsigned, output: made.shim })
  const ipxe = join(tree, 'usr/lib/ipxe/snponly.efi')
  sign(tools, { key: project, file: ipxe, output: made.ipxe })
  sign(tools, { key: firmware, file: ipxe, output: made.enrolled })
  return made
}

/** Key and certificate in PEM; both are called what the file is. */
interface Key {
  readonly key: string
  readonly certificate: string
}

/** As iPXE's project makes those that sign its test builds (.github/workflows/build.yml). */
function makeKey(tools: string, path: string): Key {
  const made = { key: `${path}.key`, certificate: `${path}.crt` }
  const settings = `${path}.cnf`
  writeFileSync(settings, `[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = ${basename(path)}\n`)
  const wanted = ['-newkey', 'rsa:2048', '-nodes', '-x509', '-config', settings]
  use(tools, 'openssl', 'req', ...wanted, '-keyout', made.key, '-out', made.certificate)
  return made
}

function derOf({ certificate }: Key): Uint8Array {
  return new X509Certificate(readFileSync(certificate)).raw
}

/** Debian's second stage has as many letters as iPXE's. */
const SECOND_STAGE = { debian: 'grubx64.efi', project: 'snponly.efi' } as const

function projectShim(tools: string, vendor: Uint8Array): Uint8Array {
  const shim = readFileSync(join(tools, 'usr/lib/shim/shimx64.efi'))
  const debian = readFileSync(join(tools, 'usr/share/shim/debian-uefi-ca.der'))
  replaceVendor(shim, debian, vendor)
  const name = Buffer.from(SECOND_STAGE.debian, 'utf16le')
  const at = onlyPlace(shim, name)
  shim.write(SECOND_STAGE.project, at, 'utf16le')
  return shim
}

/**
 * The section `.vendor_cert` (shim, cert.S): sizes of what is trusted and of what is not, where both begin, then both. Of the second
 * nothing stays, so that there is room for a longer certificate.
 */
function replaceVendor(shim: Buffer, old: Buffer, vendor: Uint8Array): void {
  const HEADER = 16
  const at = onlyPlace(shim, old) - HEADER
  const [size, denied, begin] = [0, 4, 8].map((offset) => shim.readUInt32LE(at + offset))
  assert.deepEqual([size, begin], [old.length, HEADER])
  assert.ok(denied !== undefined && vendor.length <= old.length + denied)
  shim.writeUInt32LE(vendor.length, at)
  shim.writeUInt32LE(0, at + 4)
  shim.writeUInt32LE(HEADER + vendor.length, at + 12)
  shim.set(vendor, at + HEADER)
}

function onlyPlace(image: Buffer, wanted: Buffer): number {
  const at = image.indexOf(wanted)
  assert.ok(at >= 0 && image.indexOf(wanted, at + 1) < 0, 'not there, or more than once')
  return at
}

interface Signature {
  readonly key: Key
  readonly file: string
  readonly output: string
}

function sign(tools: string, { key: { key, certificate }, file, output }: Signature): void {
  use(tools, 'sbsign', '--key', key, '--cert', certificate, '--output', output, file)
}

function use(tools: string, program: string, ...args: readonly string[]): void {
  const path = join(tools, 'usr/bin', program)
  execFileSync('env', [peerEnvironment(tools), path, ...args], { stdio: 'pipe' })
}
