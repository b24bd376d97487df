import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAuthorizedKeys } from './authorized-keys.ts'

/** A key of nobody, and the fingerprint that ssh-keygen -l says. */
const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPAlGbgchebnX8FJnI/8PRuRzqXb61EvjSKGhvxNCJKF'
const FINGERPRINT = 'SHA256:+xLlFeWCnJqPnw2SDCipcy70tEahMxwLZ4lacqnKWoU'

function blob(...fields: readonly (string | Uint8Array)[]): string {
  const parts = fields.map((field) => {
    const data = Buffer.from(field)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    return Buffer.concat([length, data])
  })
  return Buffer.concat(parts).toString('base64')
}

function rsa(bits: number): string {
  const { n = '', e = '' } = generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({
    format: 'jwk',
  })
  const modulus = Buffer.concat([Buffer.of(0), Buffer.from(n, 'base64url')])
  return `ssh-rsa ${blob('ssh-rsa', Buffer.from(e, 'base64url'), modulus)}`
}

const point = (octets: number): Uint8Array => new Uint8Array(octets).fill(4)
const P256 = `ecdsa-sha2-nistp256 ${blob('ecdsa-sha2-nistp256', 'nistp256', point(65))}`
const SK = 'sk-ssh-ed25519@openssh.com'

test('keys of every kind are taken, without comments, blank lines and repetitions', () => {
  const sk = `${SK} ${blob(SK, point(32), 'ssh:')}`
  const text = `# team\r\n\n${ED25519}  ops  team \r\n${ED25519} again\n${P256}\n${sk} token\n${rsa(2048)}`
  const parsed = parseAuthorizedKeys(text)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error)
  assert.deepEqual(
    parsed.value.map(({ type, comment }) => [type, comment]),
    [
      ['ssh-ed25519', 'ops team'],
      ['ecdsa-sha2-nistp256', ''],
      [SK, 'token'],
      ['ssh-rsa', ''],
    ],
  )
  assert.equal(parsed.value[0]?.fingerprint, FINGERPRINT)
  assert.equal(parsed.value[0]?.line, `${ED25519} ops team`)
})

const base64 = ED25519.split(' ')[1] ?? ''

const REFUSED: readonly (readonly [what: string, text: string, error: RegExp])[] = [
  ['nothing', '', /^there is no key in it$/],
  ['comments alone', '# none\n\n', /^there is no key in it$/],
  ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n', /^this is a private key/],
  ['options', `from="10.0.0.0/8" ${ED25519}`, /^line 1: options before a key are not supported/],
  ['a command', `${ED25519}\ncommand="ls -l" ${ED25519}`, /^line 2: options before a key/],
  ['another type', 'ssh-dss AAAA', /^line 1: ssh-dss keys are too weak/],
  ['a certificate', `ssh-ed25519-cert-v01@openssh.com ${base64}`, /^line 1: certificates/],
  ['no type', base64, /^line 1: "AAAA.*" is no type of a key; there are ssh-ed25519, /],
  ['no key', 'ssh-ed25519', /^line 1: the key after ssh-ed25519 is no base64$/],
  ['no base64', `ssh-ed25519 ${base64}!`, /is no base64$/],
  ['a cut key', `ssh-ed25519 ${base64.slice(0, 40)}`, /the ssh-ed25519 key is cut short$/],
  ['another key', `ssh-rsa ${base64}`, /^line 1: the line says ssh-rsa, its key does not$/],
  ['a short key', `ssh-ed25519 ${blob('ssh-ed25519', point(31))}`, /31 octets instead of 32$/],
  ['a tail', `ssh-ed25519 ${blob('ssh-ed25519', point(32), 'x')}`, /something follows it$/],
  ['another curve', P256.replace(/ .*/, ` ${blob('ecdsa-sha2-nistp256', 'nistp384', point(65))}`), /curve/],
  ['a weak key', rsa(1024), /1024 bits; at least 2048 are expected$/],
]

for (const [what, text, error] of REFUSED)
  test(`${what}: refused`, () => {
    const parsed = parseAuthorizedKeys(text)
    assert.match(parsed.ok ? 'taken' : parsed.error, error)
  })

test('whatever is taken is one line of words without control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (comment) => {
      const parsed = parseAuthorizedKeys(`${ED25519} ${comment}`)
      for (const { line } of parsed.ok ? parsed.value : []) assert.match(line, /^[^\p{Cc}]+$/u)
    }),
    { seed: 6, numRuns: 300 },
  )
})
