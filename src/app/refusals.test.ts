import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NODE01, NOW } from '../../test/helpers/world.ts'
import type { BootEvent, EventKind } from '../model/event.ts'
import { RefusalWatch } from './refusals.ts'

function event(seconds: number, kind: EventKind, detail: BootEvent['detail'] = {}): BootEvent {
  return {
    ...{ time: NOW + seconds * 1000, kind, mac: NODE01, node: 'node01', network: 'provisioning' },
    ...{ address: '10.77.0.11', detail },
  }
}

const discover = (seconds: number, arch: string): BootEvent =>
  event(seconds, 'dhcp.discover', { stage: 'rom', arch })
const PXE = 'uefi-x64'
const HTTP = 'uefi-x64-http'
/** As OVMF with Secure Boot and an unsigned snponly.efi did it. */
const fetches = (seconds: number, file = 'snponly.efi', arch = PXE): readonly BootEvent[] => [
  discover(seconds, arch),
  event(seconds, 'dhcp.ack', { boot: file }),
  ...(arch === PXE
    ? [event(seconds + 1, 'tftp.probe', { file }), event(seconds + 1, 'tftp.start', { file })]
    : []),
  event(seconds + 1, arch === PXE ? 'tftp.done' : 'http.done', { file }),
]

/** What is told until `until` seconds, looked for every second. */
function told(events: readonly BootEvent[], until: number): readonly string[] {
  const watch = new RefusalWatch()
  const out: string[] = []
  for (let second = 0; second <= until; second += 1) {
    for (const one of events) if (Math.floor((one.time - NOW) / 1000) === second) watch.note(one)
    for (const { kind, detail } of watch.due(NOW + second * 1000))
      out.push(`${second} ${kind} ${String(detail['reason'] ?? detail['fetch'])}`)
  }
  return out
}

const NEXT = 'was not started, or ended at once: the firmware goes on to its next boot option'

for (const [name, events, until, expected] of [
  [
    'the next boot option of the firmware',
    [...fetches(0), ...fetches(20, 'snponly.efi', HTTP), discover(30, PXE)],
    50,
    [`20 boot.refused ${NEXT}, ${HTTP}, 19 s later`, `30 boot.refused ${NEXT}, ${PXE}, 9 s later`],
  ],
  [
    'the system on the disk asks',
    [...fetches(0), event(40, 'dhcp.discover', { stage: 'os' })],
    50,
    [
      '40 boot.refused was not started, or ended at once: a system on the disk asks for an address 39 s later',
    ],
  ],
  ['once more from the beginning is what a power cut looks like', [...fetches(0), ...fetches(40)], 90, []],
  [
    'twice more from the beginning is not',
    [...fetches(0), ...fetches(40), discover(80, PXE)],
    90,
    ['80 boot.refused was not started, or ended at once, twice in a row: the firmware asks for it again'],
  ],
  [
    'two power cuts in an hour are no row',
    [...fetches(0), ...fetches(100), ...fetches(3600), discover(3700, PXE)],
    3701,
    [
      '61 boot.silent what snponly.efi asks for first',
      '161 boot.silent what snponly.efi asks for first',
      '3661 boot.silent what snponly.efi asks for first',
    ],
  ],
  ['nothing at all', fetches(0), 600, ['61 boot.silent what snponly.efi asks for first']],
  [
    'silent for a while, then the next boot option',
    [...fetches(0), discover(75, HTTP)],
    90,
    ['61 boot.silent what snponly.efi asks for first', `75 boot.refused ${NEXT}, ${HTTP}, 74 s later`],
  ],
  [
    'a machine that comes back with another boot option in the afternoon',
    [...fetches(0), discover(7200, HTTP)],
    7201,
    ['61 boot.silent what snponly.efi asks for first'],
  ],
  [
    'its iPXE asks for an address',
    [...fetches(0), event(5, 'dhcp.discover', { stage: 'ipxe', arch: PXE }), discover(50, HTTP)],
    99,
    [],
  ],
  [
    'its iPXE asks for its autoexec.ipxe',
    [...fetches(0), event(5, 'tftp.refused', { file: 'autoexec.ipxe' }), discover(50, HTTP)],
    99,
    [],
  ],
  [
    'its iPXE asks for a script',
    [...fetches(0), event(5, 'http.script', { script: 'menu' }), discover(50, HTTP)],
    99,
    [],
  ],
  [
    'shim asks for what it loads',
    [
      ...fetches(0, 'shimx64.efi'),
      event(2, 'tftp.refused', { file: 'revocations_sku.efi' }),
      discover(50, HTTP),
    ],
    99,
    [],
  ],
  [
    'shim itself is refused',
    [...fetches(0, 'shimx64.efi'), discover(20, HTTP)],
    50,
    [`20 boot.refused ${NEXT}, ${HTTP}, 19 s later`],
  ],
  [
    "iPXE's own shim is refused",
    [...fetches(0, 'snponly-shim.efi'), discover(20, HTTP)],
    50,
    [`20 boot.refused ${NEXT}, ${HTTP}, 19 s later`],
  ],
  [
    'a program that nobody knows asks for nothing',
    [...fetches(0, 'memtest.efi'), discover(30, HTTP)],
    99,
    [],
  ],
  [
    'a BIOS',
    [discover(0, 'bios-x86'), event(1, 'tftp.done', { file: 'undionly.kpxe' }), discover(30, 'bios-x86')],
    99,
    [],
  ],
  [
    'a transfer that broke off',
    [discover(0, PXE), event(1, 'tftp.failed', { file: 'snponly.efi' }), discover(30, HTTP)],
    99,
    [],
  ],
  [
    'a loader that an iPXE fetched',
    [
      event(0, 'dhcp.discover', { stage: 'ipxe', arch: PXE }),
      event(1, 'http.done', { file: 'ipxe.efi' }),
      discover(30, PXE),
    ],
    99,
    [],
  ],
  [
    'what somebody else claims',
    [
      ...fetches(0).slice(0, -1),
      event(1, 'tftp.done', { file: 'snponly.efi', standing: 'claimed' }),
      discover(30, HTTP),
    ],
    99,
    [],
  ],
] as const)
  test(`RefusalWatch: ${name}`, () => assert.deepEqual(told(events, until), expected))

test('RefusalWatch: what is told says whose it is, what the usual cause is, and what to do', () => {
  const watch = new RefusalWatch()
  for (const one of [...fetches(0), discover(20, HTTP)]) watch.note(one)
  const [refused] = watch.due(NOW + 20_000)
  assert.deepEqual(refused, {
    ...{ time: NOW + 20_000, kind: 'boot.refused', mac: NODE01, node: 'node01', network: 'provisioning' },
    address: '10.77.0.11',
    detail: {
      file: 'snponly.efi',
      reason: `${NEXT}, ${HTTP}, 19 s later`,
      hint: 'its own screen says why; the usual cause: Secure Boot, which starts no snponly.efi: name a signed chain, loader: shimx64.efi (firmware fetch --signed), or switch it off',
    },
  })
})

test("RefusalWatch: a clock that was set is nobody's silence", () => {
  const watch = new RefusalWatch()
  for (const one of fetches(0)) watch.note(one)
  watch.move(3_600_000)
  assert.deepEqual(watch.due(NOW + 3_610_000), [])
  assert.equal(watch.due(NOW + 3_661_000).length, 1)
})

test('RefusalWatch: a boot in which every loader asks for something is never a refusal, however boots are cut', () => {
  const boot = [
    ...fetches(0),
    event(4, 'dhcp.discover', { stage: 'ipxe', arch: PXE }),
    event(5, 'http.script'),
    event(20, 'dhcp.discover', { stage: 'os' }),
  ]
  // The window between a loader's last octet and its first question is left out: there, nobody can tell.
  const cuts = boot.map((_, i) => i + 1).filter((length) => length !== fetches(0).length)
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...cuts), { minLength: 1, maxLength: 8 }), (lengths) => {
      const all = lengths.flatMap((length, i) =>
        boot.slice(0, length).map((one) => ({ ...one, time: one.time + i * 40_000 })),
      )
      assert.deepEqual(told(all, lengths.length * 40), [])
    }),
  )
})
