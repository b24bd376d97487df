import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { LeaseTable } from '../src/address/lease-table.ts'
import { explainMessage } from '../src/app/explain-dhcp.ts'
import { LOADER_NAMES, PI_START, selectLoader } from '../src/boot/loaders.ts'
import { macToBytes } from '../src/lib/mac.ts'
import { encodeDhcp4 } from '../src/protocol/dhcp4/encode.ts'
import { blankMessage } from '../src/protocol/dhcp4/message.ts'
import { type ArchRow, CLIENT_ARCHES } from '../src/protocol/iana/arch.ts'
import { NODE01, NOW, STRANGER, type WorldBuilder, world } from './helpers/world.ts'

/** The two tables of docs/loaders.md: what every kind of client gets, by the octets that it sends. */
const DOCUMENT = join(import.meta.dirname, '../docs/loaders.md')
const EVERYTHING = [...LOADER_NAMES, ...PI_START]
/** What `firmware fetch` and `firmware fetch --suite sid` bring, and one file of a Raspberry Pi's. */
const FETCHED = [
  ...['undionly.kpxe', 'ipxe.pxe', 'snponly.efi', 'ipxe.efi', 'ipxe-amd64.efi'],
  ...['ipxe-arm64.efi', 'ipxe-riscv64.efi', 'ipxe-loong64.efi', 'config.txt'],
]

/** Options of a DISCOVER by code: text, or octets. */
type Sent = Readonly<Record<number, string | readonly number[]>>

function answerTo(there: WorldBuilder, sent: Sent, client = STRANGER): string {
  const chaddr = new Uint8Array(16)
  chaddr.set(macToBytes(client))
  const options = Object.entries({ 53: [1], ...sent }).map(([code, value]) => ({
    code: Number(code),
    data: typeof value === 'string' ? new TextEncoder().encode(value) : Uint8Array.from(value),
  }))
  const { network, server } = there.addresses(client)
  const { explanation } = explainMessage(
    encodeDhcp4({ ...blankMessage('request'), chaddr, options }),
    { network, address: server },
    { picture: there.picture(), leases: new LeaseTable(), now: () => NOW },
  )
  assert.match(explanation.reply ?? '', /^OFFER 10\.77\.0\.1\d*, /, 'an address in any case')
  return explanation.answer
}

/** What firmware of this architecture sends: HTTPClient for UEFI HTTP boot, else PXEClient. */
function firmware({ code, name, transport }: Pick<ArchRow, 'code' | 'name' | 'transport'>): Sent {
  const kind = transport === 'http' ? 'HTTPClient' : 'PXEClient'
  const vendor = name.startsWith('uboot-')
    ? 'U-Boot.armv8'
    : `${kind}:Arch:${String(code).padStart(5, '0')}:UNDI:003000`
  return { 60: vendor, 93: [code >> 8, code & 255] }
}

/** Without what is the same in every row. */
function short(answer: string): string {
  return answer
    .replace(/^boot-file (http\S+)$/, '`$1`')
    .replace(/^boot-file (\S+) over tftp from \S+$/, '`$1` over TFTP')
    .replace(/^script-url (\S+)$/, 'its script, `$1`')
    .replace(/^no boot file: /, 'no file: ')
}

function sourceOf(arch: ArchRow['name']): string {
  const row = CLIENT_ARCHES.find(({ name }) => name === arch)
  assert.ok(row)
  const choice = selectLoader({ arch: row.name, stage: 'rom' }, new Map())
  return choice.kind === 'not-on-disk' ? choice.source.replace(' brings it', '') : ''
}

interface Sign {
  readonly client: string
  readonly sent: Sent
  readonly in?: WorldBuilder
}

const ALL = (): WorldBuilder => world().firmware(...EVERYTHING)
const bios = { 60: 'PXEClient:Arch:00000:UNDI:002001', 93: [0, 0] }
const x64 = { 60: 'PXEClient:Arch:00007:UNDI:003010', 93: [0, 7] }
const HTTP_FEATURE = [0x13, 1, 1]
const named = (arch: string, file: string): WorldBuilder =>
  world()
    .firmware(...EVERYTHING, file)
    .node('n1', STRANGER, { loader: { [arch]: file } })

const SIGNS: readonly Sign[] = [
  { client: 'iPXE: option 175 with HTTP', sent: { ...x64, 175: HTTP_FEATURE } },
  { client: 'iPXE: option 77 is `iPXE`, without its length', sent: { ...x64, 77: 'iPXE' } },
  { client: 'iPXE: option 77 is `iPXE`, as RFC 3004 writes it', sent: { ...x64, 77: '\u0004iPXE' } },
  {
    client: 'iPXE that was loaded by UEFI HTTP boot and repeats its option 60',
    sent: { ...x64, 60: 'HTTPClient:Arch:00016', 77: 'iPXE' },
  },
  { client: 'our own iPXE: option 77 is `centra`', sent: { ...x64, 77: 'centra' } },
  {
    client: "a card's own iPXE, `foreignIpxe: chain`, UEFI",
    sent: { ...x64, 77: 'iPXE', 175: HTTP_FEATURE },
    in: ALL().network({ foreignIpxe: 'chain' }),
  },
  {
    client: 'the same on BIOS',
    sent: { ...bios, 77: 'iPXE', 175: HTTP_FEATURE },
    in: ALL().network({ foreignIpxe: 'chain' }),
  },
  {
    client: 'our own iPXE there',
    sent: { ...x64, 77: 'centra', 175: HTTP_FEATURE },
    in: ALL().network({ foreignIpxe: 'chain' }),
  },
  { client: 'iPXE without HTTP in option 175, BIOS', sent: { ...bios, 77: 'iPXE', 175: [0x15, 1, 1] } },
  { client: 'iPXE without HTTP in option 175, UEFI x64', sent: { ...x64, 77: 'iPXE', 175: [0x15, 1, 1] } },
  { client: 'gPXE: option 77', sent: { ...bios, 77: 'gPXE' } },
  { client: "xCAT's xNBA: option 77", sent: { ...bios, 77: 'xNBA' } },
  {
    client: 'PXE without option 93: `Arch:00007` in option 60',
    sent: { 60: 'PXEClient:Arch:00007:UNDI:003000' },
  },
  {
    client: 'HTTP boot without option 93: `Arch:00016` in option 60',
    sent: { 60: 'HTTPClient:Arch:00016:UNDI:003000' },
  },
  { client: 'several architectures in option 93: 2, 7', sent: { 60: 'PXEClient', 93: [0, 2, 0, 7] } },
  {
    client: 'Raspberry Pi 3, 4: option 93 is 0, option 97 begins with `RPi`',
    sent: { ...bios, 97: [0, ...Buffer.from('RPi4'), ...Array(12).fill(0)] },
  },
  { client: 'Raspberry Pi by option 93: 41', sent: { 60: 'PXEClient:Arch:00041:UNDI:002001', 93: [0, 41] } },
  {
    client: 'Raspberry Pi without its files on disk',
    sent: { 60: 'PXEClient:Arch:00041', 93: [0, 41] },
    in: world(),
  },
  { client: 'U-Boot: option 60, or 93', sent: { 60: 'U-Boot.armv8', 93: [0, 22] } },
  {
    client: 'U-Boot without option 93 (riscv64), with `loader: boot.scr.uimg`',
    sent: { 60: 'U-Boot' },
    in: world().firmware('boot.scr.uimg').node('n1', STRANGER, { loader: 'boot.scr.uimg' }),
  },
  {
    client: 'U-Boot with `loader: { uboot-arm64: boot.scr.uimg }`',
    sent: { 60: 'U-Boot.armv8', 93: [0, 22] },
    in: named('uboot-arm64', 'boot.scr.uimg'),
  },
  { client: 'petitboot (OPAL): option 93 is 14', sent: { 93: [0, 14] } },
  {
    client: 'petitboot with `loader: { ppc-opal: petitboot.conf }`',
    sent: { 93: [0, 14] },
    in: named('ppc-opal', 'petitboot.conf'),
  },
  {
    client: 'PowerPC Open Firmware with `loader: { ppc-openfirmware: grub.elf }`',
    sent: { 60: 'PXEClient', 93: [0, 12] },
    in: named('ppc-openfirmware', 'grub.elf'),
  },
  {
    client: "GRUB's own DHCP: option 55 is 1, 3, 6, 15, 12, 17, 18",
    sent: { 55: [1, 3, 6, 15, 12, 17, 18] },
  },
  { client: 'ONIE: option 60 begins with `onie_vendor:`', sent: { 60: 'onie_vendor:x86_64-acme_one-r0' } },
  { client: 'ONIE: option 125 of enterprise 42623', sent: { 125: [0, 0, 0xa6, 0x7f, 0] } },
  {
    client: 'ONIE with `loader: { onie: onie-installer }`',
    sent: { 60: 'onie_vendor:x86_64-acme_one-r0' },
    in: named('onie', 'onie-installer'),
  },
  { client: 'Apple BSDP: option 60 begins with `AAPLBSDPC`', sent: { 60: 'AAPLBSDPC/i386/iMac' } },
  { client: 'PXE that names no architecture', sent: { 60: 'PXEClient' } },
  { client: 'a number that IANA has not assigned', sent: { 60: 'PXEClient', 93: [0x7f, 0xff] } },
  { client: 'an operating system: none of these', sent: { 60: 'MSFT 5.0', 55: [1, 3, 6] } },
]

test('docs/loaders.md says what every kind of client gets', () => {
  const arches = CLIENT_ARCHES.map((row) => {
    const gets = short(answerTo(world().firmware(...FETCHED), firmware(row)))
    const source = gets.startsWith('no file') ? '' : sourceOf(row.name)
    return `| ${row.code} | \`${row.name}\` | ${row.title} | ${gets} | ${source} |`
  })
  const signs = SIGNS.map(
    ({ client, sent, in: there }) => `| ${client} | ${short(answerTo(there ?? ALL(), sent))} |`,
  )
  const tables = {
    architectures: [
      '| 93 | name | what it is | gets | which comes from |',
      '|---|---|---|---|---|',
      ...arches,
    ],
    signs: ['| client | gets |', '|---|---|', ...signs],
  }
  let text = readFileSync(DOCUMENT, 'utf8')
  for (const [name, lines] of Object.entries(tables)) {
    const block = new RegExp(`(<!-- ${name} -->\n).*?(<!-- end -->)`, 's')
    assert.match(text, block)
    text = text.replace(block, (_, begin: string, end: string) => `${begin}${lines.join('\n')}\n${end}`)
  }
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(DOCUMENT, text)
  assert.equal(readFileSync(DOCUMENT, 'utf8'), text, 'UPDATE_GOLDEN=1 writes the tables anew')
})

describe('never a loader that is not on disk, and never one of another architecture', () => {
  for (const row of CLIENT_ARCHES)
    test(`${row.code} ${row.name}`, () => {
      const whole = answerTo(ALL(), firmware(row))
      const none = answerTo(world().firmware(), firmware(row))
      assert.match(none, /^no boot file: .*(is missing in|can name one|is named: loader:)/)
      const given = new Set([whole])
      for (const name of EVERYTHING) {
        const alone = answerTo(world().firmware(name), firmware(row))
        if (alone === none) continue
        assert.match(
          alone,
          new RegExp(`[ /]${name.replaceAll('.', '\\.')}( over tftp|$)`),
          `with ${name} alone`,
        )
        given.add(alone)
        const without = answerTo(
          world().firmware(...EVERYTHING.filter((other) => other !== name)),
          firmware(row),
        )
        assert.ok(!without.includes(name), `without ${name}: ${without}`)
      }
      assert.equal(whole === none, given.size === 1, 'what it gets of all, it gets alone too')
    })
})

describe('a loader of the node comes before that of its profile, and that before the table', () => {
  const arch = { 'uefi-x64': 'mine.efi', 'bios-x86': 'mine.kpxe' }
  for (const row of CLIENT_ARCHES.filter(({ name }) => name !== 'arm-rpiboot'))
    test(`${row.code} ${row.name}`, () => {
      const files = [...EVERYTHING, 'node.bin', 'profile.bin', ...Object.values(arch)]
      const there = (node: object, profile: object): WorldBuilder =>
        world()
          .firmware(...files)
          .profile('worker', profile)
          .node('node01', NODE01, { profile: 'worker', ...node })
      const gets = (node: object, profile: object): string =>
        answerTo(there(node, profile), firmware(row), NODE01)
      const own = { loader: { [row.name]: 'node.bin' } }
      const profiles = { loader: { [row.name]: 'profile.bin' } }
      assert.match(gets(own, profiles), /node\.bin/)
      assert.match(gets({}, profiles), /profile\.bin/)
      assert.match(gets({ loader: 'node.bin' }, profiles), /node\.bin/, 'a name without an architecture')
      assert.match(gets({}, { loader: 'profile.bin' }), /profile\.bin/)
      assert.equal(gets({}, {}), answerTo(ALL(), firmware(row)))
      const missing = { loader: { [row.name]: 'gone.bin' } }
      assert.match(gets(missing, profiles), /^no boot file: gone\.bin \(node node01\) is missing in/)
    })
})
