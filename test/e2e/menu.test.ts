import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { unpackNewer } from '../../src/lab/newer-packages.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { shows } from '../../src/lab/serial-console.ts'
import type { BootEvent } from '../../src/model/event.ts'
import { type LabRun, runLab } from '../helpers/lab-run.ts'

/**
 * Machines that nobody described, before the menu: of a BIOS machine and of a UEFI machine every screen is looked at by
 * keys on the serial console, the third is left alone. With iPXE 1.0 of Debian 12, and with 2.0 of Debian's sid.
 */
const needsRoot = process.getuid?.() === 0 ? false : 'needs root'
const absent = missingPackages('lab')
const skip = needsRoot || (absent.length > 0 && `missing: ${absent.join(' ')}`)

/** By the entry's key: the page of facts, a warning that is taken back, rescue without an image, then a profile. */
const KEYS = `
unknown-1 "p. Power off"           i
unknown-1 "This machine"           b
unknown-1 "p. Power off"           3
unknown-1 "is not for production"  b
unknown-1 "p. Power off"           r
unknown-1 "Nothing to boot"        b
unknown-1 "p. Power off"           n
unknown-1 "p. Power off"           b
unknown-1 "p. Power off"           s
unknown-1 "iPXE>"                  "exit" enter
unknown-1 "p. Power off"           2

unknown-2 "p. Power off"           i
unknown-2 "This machine"           b
unknown-2 "p. Power off"           up down 3   # the arrow keys stop the clock
unknown-2 "is not for production"  y
`

const VERSIONS = [
  {
    version: '1.0',
    loaders: undefined,
    plainPxe: [],
    // Debian's BIOS build has no poweroff.
    keys: 'unknown-1 "p. Power off" p\nunknown-1 "cannot power off the machine" enter\n',
  },
  // The card's ROM is 1.0: behind a vendor's it loads undionly.kpxe, as the UEFI machine loads snponly.efi.
  { version: '2.0', loaders: 'ipxe', plainPxe: ['--plain-pxe', 'unknown-1', 'unknown-3'], keys: '' },
] as const

for (const { version, loaders, plainPxe, keys: first } of VERSIONS)
  describe(`the menu of iPXE ${version}`, { skip }, () => {
    let run: LabRun
    const last = (machine: number, kind: string): BootEvent | undefined =>
      run.events.findLast((event) => event.mac === macOf(machine) && event.kind === kind)
    const screen = (machine: number): string => stripVTControlCharacters(run.serial(`unknown-${machine}`))

    before(async () => {
      const folder = mkdtempSync(join(tmpdir(), 'centra-menu-'))
      await buildPayload()
      const config = join(folder, 'centra-pxe.yaml')
      const text = readFileSync(join(import.meta.dirname, 'menu.yaml'), 'utf8')
      const firmware = loaders === undefined ? '' : `server: { firmware: ${await newerLoaders(loaders)} }\n`
      writeFileSync(config, text + firmware)
      const keys = join(folder, 'keys')
      writeFileSync(keys, first + KEYS)
      const flags = [
        '--payload',
        '--unknown',
        '3',
        '--keys',
        keys,
        '--json',
        '--accel',
        'tcg',
        '--timeout',
        '240',
      ]
      run = await runLab(['--config', config, ...plainPxe, ...flags])
    })

    test('one machine is left on its local disk, so the lab does not say that all are in service', () => {
      assert.equal(run.code, 1, run.output)
      const { inService, machines } = JSON.parse(run.stdout)
      assert.equal(inService, false)
      assert.deepEqual(
        machines.map((machine: Record<string, unknown>) => [
          machine['name'],
          machine['state'],
          machine['profile'],
        ]),
        [
          ['unknown-1', 'in-service', 'worker'],
          ['unknown-2', 'in-service', 'all-in-one'],
          ['unknown-3', 'local-disk', undefined],
        ],
      )
    })

    test('BIOS: a key chooses worker, and the machine goes in service as worker', () => {
      const report = last(1, 'report')
      assert.deepEqual(
        [report?.detail['stage'], report?.detail['standing'], report?.detail['profile']],
        ['in-service', 'verified', 'worker'],
      )
      assert.match(String(report?.detail['cmdline']), /\bconsole=ttyS0,115200\b/)
    })

    test('BIOS: every screen is asked for and shown', () => {
      const scripts = run.events.filter(({ mac, kind }) => mac === macOf(1) && kind === 'http.script')
      assert.deepEqual(
        scripts.map(({ detail }) => detail['script']),
        [
          ...['identify', 'menu', 'page', 'menu', 'confirm', 'menu', 'page', 'menu'],
          // After asking DHCP again, and after the restart.
          ...['identify', 'menu', 'identify', 'menu', 'boot'],
        ],
      )
      for (const line of [
        '1. Control plane: all 8 core services',
        'l. Boot from the local disk',
        'r. Rescue: a system in memory, to look at a broken machine',
        'i. What this machine is',
        'n. Ask DHCP for an address again',
        'b. Reboot',
        'MAC address: 52:54:00:1a:b0:01',
        'UUID: 00000000-0000-4000-8000-5254001ab001',
        'Manufacturer: QEMU',
        'Product: Standard PC (i440FX + PIIX, 1996)',
        'Architecture: bios-x86',
        'Address: 10.77.0.1',
        'Server: 10.77.0.1',
        `iPXE: ${version}.`,
        'WARNING: all-in-one is not for production: no high availability',
        'Nothing to boot: profile rescue has no image that is on disk',
        'centra: in service as worker at 10.77.0.1',
      ])
        assert.ok(shows(screen(1), line), `${line} is not on the console:\n${screen(1).slice(-6000)}`)
    })

    test('UEFI: the same menu on the serial console; the warning is read and accepted', () => {
      const report = last(2, 'report')
      assert.deepEqual(
        [report?.detail['stage'], report?.detail['standing'], report?.detail['profile']],
        ['in-service', 'verified', 'all-in-one'],
      )
      for (const line of [
        '2. Worker: runs workloads',
        'Architecture: uefi-x64',
        'Product: Standard PC (Q35 + ICH9, 2009)',
        `iPXE: ${version}.`,
        'WARNING: all-in-one is not for production: no high availability',
      ])
        assert.ok(shows(screen(2), line), `${line} is not on the console:\n${screen(2).slice(-6000)}`)
    })

    test('nobody presses a key: the time-out takes the local disk, and the server knows', () => {
      const script = last(3, 'http.script')
      assert.deepEqual(
        [script?.detail['script'], script?.detail['reason']],
        ['local-disk', 'the menu said so'],
      )
      assert.match(screen(3), /Centra PXE: local disk, the menu said so/)
    })
  })

function macOf(machine: number): string {
  return `52:54:00:1a:b0:0${machine}`
}

async function newerLoaders(name: string): Promise<string> {
  const { folder } = await unpackNewer({ suite: 'sid', packages: [name] })
  return join(folder, 'usr', 'lib', 'ipxe')
}
