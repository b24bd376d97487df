import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withTrustedRoot } from './trusted-root.ts'

const ROOT = Buffer.from('9faf717b7f8ca2f93c256c79f8ac5591895d66d1ff3bee6397a70d29c65eed1a', 'hex')
const OURS = new Uint8Array(32).fill(0x5a)

/** A PE32+ header with a security directory of this size, then these parts. */
function image(signature: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(512)
  head.writeUInt32LE(0x80, 0x3c)
  head.writeUInt16LE(0x20b, 0x80 + 24)
  head.writeUInt32LE(signature, 0x80 + 24 + 112 + 4 * 8 + 4)
  return Uint8Array.from(Buffer.concat([head, ...parts]))
}

test('the fingerprint of the one root is replaced, and no other octet', () => {
  const original = image(0, Uint8Array.of(0x9f, 0xaf), ROOT, Uint8Array.of(9))
  const changed = withTrustedRoot(original, OURS)
  assert.ok(changed.ok)
  assert.deepEqual(changed.value, image(0, Uint8Array.of(0x9f, 0xaf), OURS, Uint8Array.of(9)))
  assert.notDeepEqual(original, changed.value, 'the original stays as it is')
})

test('what is no iPXE with its own root, has it twice, or is signed, is refused', () => {
  const refused = (bytes: Uint8Array): string => {
    const result = withTrustedRoot(bytes, OURS)
    return result.ok ? 'changed' : result.error
  }
  assert.match(refused(new Uint8Array(8)), /is not in it/)
  assert.match(refused(image(0, ROOT.subarray(1))), /is not in it/)
  assert.match(refused(image(0, ROOT, ROOT)), /2 times/)
  assert.match(refused(image(1688, ROOT)), /signed for Secure Boot/)
})
