import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, test } from 'node:test'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { inNetns } from '../helpers/netns.ts'
import { CENTRA_PXE, centra, endAll, makeSite, Running, serve, startCentra } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const options = { timeout: 60_000 }

inNetns(import.meta, (net) => {
  const other = net.host('other')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24', mac: '52:54:00:77:00:fe' },
    { name: 'eth0', address: '10.77.0.50/24', host: other },
  )
  afterEach(endAll)
  mkdirSync('/run/other')
  const config = '/run/other/centra-pxe.yaml'
  writeFileSync(
    config,
    'version: 1\nnetworks: [{ name: rack, interface: eth0, subnet: 10.77.0.0/24, dhcp: observe }]\nserver: { stateDir: /run/other/state }\n',
  )
  const probe = (...flags: readonly string[]): Running =>
    new Running(other.spawn(CENTRA_PXE, ['probe', '--config', config, ...flags]))

  test(
    'probe: another server on the network is told of, with what it offers; exit code 1',
    options,
    async () => {
      await serve(makeSite('/run/site'))
      const [table, json] = [probe(), probe('--json')]
      assert.equal((await table.exited).code, 1, table.stderr)
      assert.match(
        table.stdout,
        /^10\.77\.0\.1 +rack +52:54:00:77:00:fe +dhcp +10\.77\.0\.1\d\d +10\.77\.0\.1 +10\.77\.0\.1 +snponly\.efi from 10\.77\.0\.1, option 60 PXEClient, PXE options$/m,
      )
      assert.equal((await json.exited).code, 1, json.stderr)
      const [server, ...rest] = JSON.parse(json.stdout)
      assert.deepEqual(rest, [])
      assert.deepEqual(
        { ...server, offered: undefined },
        {
          address: '10.77.0.1',
          network: 'rack',
          interface: 'eth0',
          mac: '52:54:00:77:00:fe',
          kind: 'dhcp',
          offered: undefined,
          router: '10.77.0.1',
          dns: ['10.77.0.1'],
          boot: {
            nextServer: '10.77.0.1',
            tftpServer: '10.77.0.1',
            bootFile: 'snponly.efi',
            vendorClass: 'PXEClient',
            hasPxeOptions: true,
          },
          warnings: [],
        },
      )
    },
  )

  test('probe: silence is exit code 0; a network that is not there is wrong use', options, async () => {
    const quiet = probe('--network', 'rack')
    assert.equal((await quiet.exited).code, 0, quiet.stderr)
    assert.match(quiet.stderr, /nobody else answers/)
    const wrong = probe('--network', 'attic')
    assert.equal((await wrong.exited).code, 2)
    const [outside] = [startCentra('probe', '--config', config)]
    assert.equal((await outside.exited).code, 1)
    assert.match(outside.stderr, /the interface eth0 is not up and running/)
  })

  test('status names the server that a client chose beside us', options, async () => {
    const site = makeSite('/run/site2')
    const server = await serve(site, '--log', 'json')
    const wire = await Wire.open(other, 'eth0')
    if (wire === undefined) return
    const mac = '52:54:00:99:00:01'
    wire.send(encodeDhcp4(clientMessage('REQUEST', mac, { address: '10.77.0.150', server: '10.77.0.254' })))
    await server.event('dhcp.foreign', { mac, server: '10.77.0.254', network: 'provisioning' })
    const { stdout } = await centra('status', '--config', site.config)
    assert.match(stdout, /another DHCP server +10\.77\.0\.254 on provisioning, chosen by 52:54:00:99:00:01/)
    await wire.close()
  })
})
