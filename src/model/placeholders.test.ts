import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPlaceholderText, isPlaceholderUuid } from './placeholders.ts'

test('UUIDs that inventory programs have found on many machines, in either byte order', () => {
  for (const uuid of [
    ...['03000200-0400-0500-0006-000700080009', '00020003-0004-0005-0006-000700080009'],
    ...['12345678-1234-5678-90AB-CDDEEFAABBCC', '78563412-3412-7856-90ab-cddeefaabbcc'],
    ...['6AB5B300-538D-1014-9FB5-B0684D007B53', '4C4C4544-0000-2010-8020-80C04F202020'],
    ...['FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', 'FEFEFEFE-FEFE-FEFE-FEFE-FEFEFEFEFEFE'],
  ])
    assert.ok(isPlaceholderUuid(uuid), uuid)
  // Dell's of the service tag 5Q4Q7Y1, and one of Supermicro's, which ends in a MAC address.
  for (const uuid of ['4c4c4544-0051-3410-8051-b5c04f375931', '00000000-0000-0000-0000-ac1f6b000001'])
    assert.equal(isPlaceholderUuid(uuid), false, uuid)
})

test('serial numbers that inventory programs have found on many machines', () => {
  for (const text of [
    ...[
      'To be filled by O.E.M.',
      ' Default string ',
      'System Serial Number',
      'Not Specified',
      '(null string)',
    ],
    ...['12345', '123456789', '12345678901234567', '0123456789', '0123456789ABCDEF', '123456789000'],
    ...['SYS-1234567890', 'SN-12345', 'MB-1234567890', 'SYS-9876543210', 'OEM_Serial', 'SystemSerialNumb'],
    ...['', '   ', '0', '0000000', 'xxxxxxxxxxx', 'NNNNNNN', '........'],
  ])
    assert.ok(isPlaceholderText(text), text)
  for (const text of ['1234', '012', '5Q4Q7Y1', 'SN-0001', 'A123456', '123457', '12345-2', 'sys-17'])
    assert.equal(isPlaceholderText(text), false, text)
})
