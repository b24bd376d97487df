/** A conflict that DHCP showed, and a server that is killed before its machine asks for the script. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { supposeMessage } from '../../src/boot/suppose.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, serve } from '../helpers/server.ts'
import { ip, Wire } from '../helpers/wire.ts'

const MAC = '52:54:00:77:00:01'
const US = '10.77.0.1'
const UUID = '00112233-4455-6677-8899-aabbccddeeff'
/** As SMBIOS holds it: the first three fields little-endian. */
const OPTION_97 = Uint8Array.from(
  Buffer.from(`00${'33221100'}${'5544'}${'7766'}${'8899aabbccddeeff'}`, 'hex'),
)
const options = { timeout: 60_000, skip: missing('busybox', 'tcpdump', 'curl') }

/*
 * server prov0 10.77.0.1 --- eth0 (node01, which shows the UUID of node02)
 */
inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth({ name: 'port1' }, { name: 'eth0', mac: MAC, host: client })
  net.bridge('prov0', ['port1'], { address: `${US}/24` })
  const site = makeSite('/run/site', (text) =>
    text.replace('- name: node02\n', `- name: node02\n    uuid: ${UUID}\n`),
  )
  afterEach(endAll)

  test(
    'kill -9 between the ACK and the script: every loader is still told of the conflict',
    options,
    async () => {
      let server = await serve(site, '--log', 'json')
      const wire = await Wire.open(client, 'eth0')
      assert.ok(wire)
      const asked = { mac: parseMac(MAC) ?? assert.fail(), arch: 'uefi-x64', stage: 'rom' } as const
      const say = (message: Parameters<typeof supposeMessage>[0]['message'], xid: number) => {
        const sent = supposeMessage({
          ...{ ...asked, via: 'dhcp', form: 'grub' },
          ...(message === undefined ? {} : { message }),
        })
        wire.send(encodeDhcp4({ ...sent, xid }))
      }
      const shown = { options: [{ code: 97, data: OPTION_97 }] }
      say({ type: 'DISCOVER', ...shown }, 0x7e5a0001)
      await wire.reply(0x7e5a0001, 'OFFER')
      say({ type: 'REQUEST', requested: ip('10.77.0.11'), server: ip(US), ...shown }, 0x7e5a0002)
      await wire.reply(0x7e5a0002, 'ACK')
      await server.stop('SIGKILL')
      server = await serve(site, '--log', 'json')
      client.run('ip', 'address', 'add', '10.77.0.11/24', 'dev', 'eth0')
      for (const form of ['grub', 'pxelinux', 'ipxe', 'efi']) {
        const url = `http://${US}:8080/boot/${MAC.replaceAll(':', '-')}.${form}`
        const { stdout } = client.run('curl', '-s', url)
        assert.match(stdout, /nobody can tell which machine this is/, form)
        assert.doesNotMatch(stdout, /vmlinuz/, form)
      }

      const script = () =>
        client.run('curl', '-s', `http://${US}:8080/boot/${MAC.replaceAll(':', '-')}.grub`).stdout
      const shows = await centra('node', 'show', 'node01', '--config', site.config)
      assert.match(shows.stdout, /conflict +52:54:00:77:00:01: .*centra-pxe node forget NAME/s)
      const nobody = await centra('node', 'forget', 'node09', '--config', site.config)
      assert.deepEqual(
        [nobody.code, /describes no node node09/.test(nobody.stderr)],
        [1, true],
        nobody.stderr,
      )
      const forgot = await centra('node', 'forget', 'node01', '--config', site.config, '--json')
      assert.deepEqual(JSON.parse(forgot.stdout), { node: 'node01', machines: [MAC] })
      assert.match(script(), /vmlinuz/)
      await server.stop('SIGKILL')
      await serve(site, '--log', 'json')
      assert.match(script(), /vmlinuz/, 'what was forgotten is not on disk')
      say({ type: 'DISCOVER', ...shown }, 0x7e5a0003)
      await wire.reply(0x7e5a0003, 'OFFER')
      assert.match(script(), /nobody can tell which machine this is/, 'what is still so counts again')
      await wire.close()
    },
  )
})
