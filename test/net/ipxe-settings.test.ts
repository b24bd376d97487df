/** The scripts that we send, run by a real iPXE whose settings all say what an attacker would let them say. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { linuxIpxe } from '../helpers/ipxe-build.ts'
import { IpxeClient } from '../helpers/ipxe-client.ts'
import { inNetns } from '../helpers/netns.ts'
import { NASTY } from '../helpers/scripts.ts'
import { endAll, eventually, makeSite, type Running, serve } from '../helpers/server.ts'

const [NODE, STRANGER] = ['52:54:00:77:00:01', '52:54:00:77:0d:01']
const LOG = '/run/access.log'
const SECRET = 'hunter2hunter2'
const SECRET_HEX = Buffer.from(SECRET).toString('hex')
/** All that our scripts ask for: what a machine says of itself is hexadecimal in it. */
const ASKED =
  /^\/boot\.ipxe$|^\/boot\/52-54-00-77-0[0d]-01\.ipxe\?(?:[a-z]+=[0-9a-f]*|arch=x86_64|platform=linux|failed=kernel|&)+$|^\/images\/debian-live\/[0-9a-f]{64}\/(?:vmlinuz|initrd\.img)$/

/**
 * Settings that a DHCP server or SMBIOS can set (iPXE src/core/settings.c, src/interface/smbios), without those that say what
 * iPXE itself runs before our scripts: filename, root-path, scriptlet, user-class. What our scripts `set` has no DHCP option.
 */
const NAMES = [
  ...['hostname', 'domain', 'username', 'serial', 'asset', 'manufacturer', 'product', 'board-serial'],
  ...['vendor-class', 'keep-san', 'skip-san-boot'],
]

/** What is left when it is expanded, split or run; payloads of Ironic CVE-2026-46447, Kea's and Cobbler's are among them. */
const VALUES: readonly (readonly [name: string, value: (setting: string) => string])[] = [
  ['another setting', () => '${pw}'],
  ['itself', (setting) => `\${${setting}}`],
  ['a setting within a setting', () => '${${pw}}'],
  ['an unfinished setting', () => '${pw'],
  ['a command after &&', () => 'x && imgfetch http://10.77.0.1:8080/pwned'],
  ['a command after ||', () => '|| imgfetch http://10.77.0.1:8080/pwned'],
  ['a command after ;', () => 'x ; imgfetch http://10.77.0.1:8080/pwned'],
  ['a new line', () => 'x\nimgfetch http://10.77.0.1:8080/pwned'],
  ['a carriage return', () => 'x\r\nimgfetch http://10.77.0.1:8080/pwned\r\n'],
  ['a line that goes on', () => 'x\\\nimgfetch http://10.77.0.1:8080/pwned'],
  ['a comment', () => '# x'],
  ['a label', () => ':local'],
  ['a flag', () => '--timeout 1 --autofree'],
  ['a path', () => '../../../../etc/passwd'],
  ['a URL', () => 'http://10.77.0.1:8080/pwned'],
  ['a query', () => 'x&serial=y?z#w'],
  ['a kernel argument', () => 'x init=/bin/sh'],
  ['shell', () => '$(curl http://10.77.0.1:8080/pwned)`id`'],
  ['percent', () => '%0aimgfetch%20http://10.77.0.1:8080/pwned'],
  ['quotes', () => `'"\\`],
  ['octets', () => '\u0001\u001b[2J\u007f\u00e9'],
  ['many octets', () => 'x'.repeat(100)],
  ['nothing', () => ''],
]

/** Settings are given with commas between them. */
const RANDOM = fc.sample(NASTY, { seed: 20261123, numRuns: 100 }).map((text) => text.replace(/[,\0]/g, ''))

const ipxe = await linuxIpxe()

if (ipxe !== undefined)
  inNetns(import.meta, (net) => {
    const machine = new IpxeClient(ipxe, net)
    const site = makeSite('/run/site', (text) =>
      text
        .replace('server:\n', `server:\n  accessLog: ${LOG}\n`)
        .replace('    probe: false\n', '    probe: false\n    quietRouter: true\n'),
    )
    let server: Running
    after(endAll)

    const boot = (mac: string, settings: readonly string[], isOver: (screen: string) => boolean) =>
      machine.boot(mac, [`pw=${SECRET}`, ...settings], isOver)
    const asked = (from: number): readonly string[] =>
      (existsSync(LOG) ? readFileSync(LOG, 'latin1') : '')
        .slice(from)
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => String(JSON.parse(line).path))

    test('the server starts', { timeout: 60_000 }, async () => {
      server = await serve(site)
    })

    const check = async (value: (setting: string) => string): Promise<void> => {
      const settings = NAMES.map((setting) => `${setting}=${value(setting)}`)
      const from = existsSync(LOG) ? readFileSync(LOG, 'latin1').length : 0
      await boot(STRANGER, settings, (screen) => screen.includes('Boot from the local disk'))
      const said = server.stdout.length + server.stderr.length
      const failed = (): boolean =>
        /boot failed|BOOT FAILED/i.test((server.stdout + server.stderr).slice(said))
      await boot(NODE, settings, failed)
      const paths = await eventually('the report to be in the access log', () => {
        const all = asked(from)
        return all.some((path) => path.includes('failed=kernel')) ? all : undefined
      })
      assert.ok(
        paths.some((path) => path.includes('52-54-00-77-0d-01')),
        'the menu was asked for',
      )
      for (const path of paths) {
        assert.match(path, ASKED)
        assert.ok(!path.includes(SECRET) && !path.includes(SECRET_HEX), path)
      }
    }

    for (const [name, value] of VALUES)
      test(`S-05: every setting is ${name}`, { timeout: 120_000 }, () => check(value))

    test(`S-05: ${RANDOM.length} random values`, { timeout: 900_000 }, async () => {
      for (const value of RANDOM) await check(() => value)
    })

    test('negative control: a script that expands a serial number tells the secret', {
      timeout: 60_000,
    }, async () => {
      const script = 'ifopen net0 && dhcp net0 && chain http://10.77.0.1:8080/images/${serial}'
      const leaked = (): boolean => asked(0).some((path) => path.includes(SECRET))
      await boot(STRANGER, [`scriptlet=${script}`, 'serial=${pw}'], leaked)
    })

    test('the server ends', { timeout: 60_000 }, async () => {
      assert.equal((await server.stop()).code, 0)
    })
  })
