import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../../lib/text.ts'
import { signatureList } from './signature-list.ts'

test('an EFI_SIGNATURE_LIST: type, sizes in little-endian, owner, certificate (UEFI 2.10 §32.4.1)', () => {
  assert.equal(
    toHex(signatureList(Uint8Array.of(1, 2, 3))),
    ['a159c0a5e494a74a87b5ab155c2bf072', '2f000000', '00000000', '13000000', '00'.repeat(16), '010203'].join(
      '',
    ),
  )
})
