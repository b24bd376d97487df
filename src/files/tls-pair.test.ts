import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parseIpv4 } from '../lib/ipv4.ts'
import type { TlsFiles } from '../model/tls.ts'
import { authorityFilesIn, createAuthority, type Issued, renewServer } from './certificate-authority.ts'
import { describeCertificate, judgeTlsPair, readTlsPair, tlsRevision } from './tls-pair.ts'

const NOW = Date.UTC(2026, 10, 23)
const DAY = 86_400_000
const folder = mkdtempSync(join(tmpdir(), 'centra-tls-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const ISSUED: Issued = {
  names: ['boot.example.org'],
  addresses: ['10.77.0.1', '192.0.2.1'].flatMap((text) => parseIpv4(text) ?? []),
  ...{ commonName: 'boot.example.org', days: 825, now: NOW },
}
const AUTHORITY = { ...ISSUED, authorityName: 'CA of a test', authorityDays: 3650 }
const dir = join(folder, 'tls')
createAuthority(dir, AUTHORITY)
const FILES: TlsFiles = { certificate: join(dir, 'server.crt'), key: join(dir, 'server.key') }
const read = (name: string): string => readFileSync(join(dir, name), 'latin1')
const PAIR: TlsFiles = { certificate: read('server.crt'), key: read('server.key') }
const authority = new X509Certificate(read('ca.crt'))

test('an authority signs for addresses and names, from long before the clocks of machines', () => {
  const leaf = new X509Certificate(PAIR.certificate)
  assert.ok(authority.ca && authority.verify(authority.publicKey))
  assert.ok(!leaf.ca && leaf.verify(authority.publicKey) && leaf.checkIssued(authority))
  assert.equal(leaf.checkIP('192.0.2.1'), '192.0.2.1')
  assert.equal(leaf.checkIP('192.0.2.2'), undefined)
  assert.equal(leaf.checkHost('boot.example.org'), 'boot.example.org')
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert.equal(Date.parse(leaf.validFrom), Date.UTC(2000, 0, 1))
  assert.equal(Date.parse(leaf.validTo), NOW + 825 * DAY)
  assert.equal(leaf.infoAccess, undefined, 'iPXE would ask an OCSP responder')
})

test('keys are for their owner alone, and no file is ever overwritten', () => {
  for (const name of ['ca.key', 'server.key']) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600)
  assert.equal(authorityFilesIn(dir).length, 6)
  assert.throws(() => createAuthority(dir, AUTHORITY), /EEXIST/)
  assert.equal(read('server.key'), PAIR.key)
})

test('the list for OVMF has the certificate of the authority', () => {
  const list = readFileSync(join(dir, 'ca.esl'))
  assert.ok(list.subarray(44).equals(authority.raw))
  assert.ok(readFileSync(join(dir, 'ca.der')).equals(authority.raw))
})

test('what a pair says of itself: the whole chain, RSA, its fingerprint', async () => {
  const { pair, problems } = await readTlsPair(FILES, NOW)
  assert.ok(pair)
  const { subject, issuer, names, addresses, key, chainLength, sha256 } = pair
  assert.deepEqual(
    [subject, issuer, names, addresses, key, chainLength, problems],
    [
      'CN=boot.example.org',
      'CN=CA of a test',
      ['boot.example.org'],
      ['10.77.0.1', '192.0.2.1'],
      'RSA 2048',
      2,
      [],
    ],
  )
  assert.match(sha256, /^[0-9a-f]{64}$/)
  assert.equal(describeCertificate(authority.raw)?.subject, 'CN=CA of a test')
  assert.equal(describeCertificate(Buffer.from('nothing')), undefined)
})

/** `file severity: message` of every problem. */
function told(texts: Partial<TlsFiles>, now = NOW): readonly string[] {
  const { pair, problems } = judgeTlsPair({ ...PAIR, ...texts }, now)
  assert.equal(
    pair === undefined,
    problems.some(({ severity }) => severity === 'error'),
  )
  return problems.map(({ of, severity, message }) => `${of} ${severity}: ${message}`)
}

test('a pair that cannot be served is an error of the file that is wrong', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' })
  assert.match(told({ key: other }).join(), /^key error: does not belong to the first certificate/)
  assert.match(told({ key: locked.toString() }).join(), /^key error: is encrypted/)
  assert.match(told({ key: 'hello' }).join(), /^key error: has no private key/)
  assert.match(told({ certificate: 'hello' }).join(), /^certificate error: has no certificate/)
  const broken = PAIR.certificate.replace(/\n[^\n]{64}\n/, '\n')
  assert.match(told({ certificate: broken }).join(), /^certificate error/)
})

test('what machines would refuse is a warning', () => {
  assert.match(told({}, NOW + 826 * DAY).join(), /^certificate warning: expired on 2029-02-25/)
  assert.match(told({}, Date.UTC(1999, 0)).join(), /^certificate warning: is not valid before 2000-01-01/)
  const [leaf = ''] = PAIR.certificate.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/) ?? []
  assert.match(told({ certificate: leaf }).join(), /^certificate warning: has no issuer after it/)
})

test('files that are not there are named by what failed', async () => {
  const { pair, problems } = await readTlsPair({ certificate: '/nowhere/a', key: '/nowhere/b' }, NOW)
  assert.equal(pair, undefined)
  assert.deepEqual(
    problems.map(({ of, message }) => `${of} ${message.slice(0, 23)}`),
    ['certificate cannot be read: ENOENT:', 'key cannot be read: ENOENT:'],
  )
})

test('a renewed certificate belongs to the same key and authority; the revision tells that it changed', async () => {
  const before = await tlsRevision(FILES)
  assert.equal(await tlsRevision(FILES), before)
  renewServer(dir, { ...ISSUED, days: 10 })
  assert.notEqual(await tlsRevision(FILES), before)
  const { pair, problems } = await readTlsPair(FILES, NOW)
  assert.deepEqual(problems, [])
  assert.equal(pair?.privateKey, PAIR.key)
  assert.equal(pair.notAfter, NOW + 10 * DAY)
  assert.ok(new X509Certificate(pair.certificate).verify(authority.publicKey))
  writeFileSync(join(dir, 'ca.crt'), '')
  assert.throws(() => renewServer(dir, ISSUED))
  assert.equal((await readTlsPair(FILES, NOW)).pair?.notAfter, NOW + 10 * DAY)
})
