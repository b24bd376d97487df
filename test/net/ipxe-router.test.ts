/** What `quietRouter:` saves a real iPXE, and what else could. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { linuxIpxe } from '../helpers/ipxe-build.ts'
import { IpxeClient } from '../helpers/ipxe-client.ts'
import { inNetns } from '../helpers/netns.ts'
import { endAll, loggedEvents, makeSite, serve } from '../helpers/server.ts'

const ROUNDS = 3
const MAC = '52:54:00:77:0d:01'

const ipxe = await linuxIpxe()

if (ipxe !== undefined)
  inNetns(import.meta, (net) => {
    const machine = new IpxeClient(ipxe, net)
    after(endAll)

    test('from power on to the menu, in turn', { timeout: 600_000 }, async (t) => {
      const site = makeSite('/run/site')
      const ways = [
        ['as it is', false, []],
        ['quietRouter: true', true, []],
        [
          'a script of its own with ifconf -c dhcp',
          false,
          ['scriptlet=ifopen net0 && ifconf -c dhcp net0 && chain ${filename}'],
        ],
      ] as const
      for (let round = 1; round <= ROUNDS; round += 1)
        for (const [name, isQuiet, settings] of ways) {
          site.rewrite((text) =>
            isQuiet ? text.replace('    probe: false\n', '    probe: false\n    quietRouter: true\n') : text,
          )
          const server = await serve(site, '--log', 'json')
          const seconds = await machine.boot(MAC, settings, (screen) => screen.includes('local disk'))
          const told = loggedEvents(server.stdout + server.stderr).some(({ kind }) => kind === 'ra.sent')
          assert.deepEqual(await server.stop(), { code: 0, signal: null })
          assert.equal(told, isQuiet)
          t.diagnostic(`round ${round}, ${name}: ${seconds.toFixed(1)} s`)
        }
    })
  })
