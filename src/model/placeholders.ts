import { otherByteOrder } from '../lib/uuid.ts'

/**
 * What board makers leave in SMBIOS by the thousand: it names nobody. In the byte order in which SMBIOS shows it; reported in
 * osquery#4374 and #8887, oshi#2417, lx2160a_uefi#4, and in the lists that FOG, GLPI and OCS Inventory keep.
 */
const UUIDS: ReadonlySet<string> = new Set([
  // AMI's reference boards.
  '03000200-0400-0500-0006-000700080009',
  '03d40274-0435-05dc-8506-010700080009',
  // The octets 0 to 15 in order, as SMBIOS shows them and as they stand.
  '03020100-0504-0706-0809-0a0b0c0d0e0f',
  '00010203-0405-0607-0809-0a0b0c0d0e0f',
  // The octets 1 to 16 in order, and others that count.
  '01020304-0506-0708-090a-0b0c0d0e0f10',
  '12345678-1234-5678-1234-567812345678',
  '01234567-89ab-cdef-0123-456789abcdef',
  // Insyde's.
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '10000000-0000-8000-0040-000000000000',
  '6ab5b300-538d-1014-9fb5-b0684d007b53',
  'ffffff00-ffff-ffff-ffff-ffffffffffff',
  // Dell's, made of a service tag of seven blanks: a board that was replaced.
  '4c4c4544-0000-2010-8020-80c04f202020',
  'deadbeef-dead-beef-dead-beefdeadbeef',
  // SolidRun's boards of 2020.
  '8a95d198-7f46-11e5-bf8b-08002704d48e',
])

/** Serial numbers and asset tags, in lower case and without the blanks around them. */
const TEXTS: ReadonlySet<string> = new Set([
  ...['to be filled by o.e.m.', 'to be filled by oem', 'o.e.m.', 'oem', 'default string', 'default_string'],
  ...['system serial number', 'chassis serial number', 'base board serial number', 'serial number', 'serial'],
  ...['asset tag', 'chassis asset tag', 'base board asset tag', 'no asset tag', 'no asset information'],
  ...['not specified', 'not applicable', 'not available', 'not set', 'none', 'null', 'n/a', 'na'],
  ...['unknown', 'undefined', 'unspecified', 'invalid', 'empty', 'blank', 'standard', 'default'],
  ...[
    'to be filled by o.e.m. by more string',
    'type2 - board serial number',
    'oem_serial',
    'systemserialnumb',
  ],
  ...[
    'not present',
    'not settable',
    '(null string)',
    'unknow',
    'serial number xxxxxx',
    'eval',
    'iatpass',
    'dell',
  ],
  ...['123456789000', 'sys-9876543210', 'sn-123456fvgv3i0b8o5n6n7k', 'tulip computers', 'system name'],
])

/** Five digits or more that count, `12345` or `SYS-1234567890`. */
const COUNTING = ['12345678901234567890', '0123456789abcdef']
const LEAST_COUNTING = 5

/** Whether many machines have this UUID, in either byte order of its first three fields; one octet sixteen times is one. */
export function isPlaceholderUuid(uuid: string): boolean {
  const lower = uuid.toLowerCase()
  return (
    UUIDS.has(lower) || UUIDS.has(otherByteOrder(lower)) || /^(..)\1{15}$/.test(lower.replaceAll('-', ''))
  )
}

/** Whether many machines have this serial number or asset tag; nothing, one character alone or repeated, and digits that count are. */
export function isPlaceholderText(text: string): boolean {
  const trimmed = text.trim().toLowerCase()
  const digits = trimmed.replace(/^(sn|sys|mb)-/, '')
  const isCounting = digits.length >= LEAST_COUNTING && COUNTING.some((all) => all.startsWith(digits))
  return isCounting || TEXTS.has(trimmed) || /^(.?)\1*$/s.test(trimmed)
}
