import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, Running, serve } from '../helpers/server.ts'
import { clientMessage, Wire } from '../helpers/wire.ts'

const STRANGER = '52:54:00:99:00:01'
const options = { timeout: 60_000, skip: missing('tcpdump', 'curl', 'busybox') }

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', mac: '66:00:00:00:00:01', host: client },
  )
  afterEach(endAll)
  const wired = options.skip ? undefined : Wire.open(client, 'eth0')

  for (const { written, line } of [
    { written: 'dhcp: observe', line: '    dhcp: observe\n' },
    { written: 'no dhcp: key', line: '' },
  ])
    test(`${written}: nothing leaves from port 67, the log says what would have`, options, async () => {
      const wire = await wired
      assert.ok(wire)
      const site = makeSite('/run/observe', (text) => text.replace('    dhcp: server\n', line))
      const server = await serve(site)
      const before = wire.capture.frames.length
      const messages = [
        clientMessage('DISCOVER', '52:54:00:77:00:01'),
        clientMessage('DISCOVER', STRANGER),
        clientMessage('REQUEST', STRANGER, { address: '192.0.2.9' }),
        clientMessage('REQUEST', STRANGER, { address: '10.77.0.150', server: '10.77.0.1' }),
        clientMessage('REQUEST', STRANGER, { address: '10.77.0.150', server: '10.77.0.254' }),
        clientMessage('INFORM', STRANGER, { current: '10.77.0.50' }),
        clientMessage('RELEASE', STRANGER, { current: '10.77.0.150', server: '10.77.0.1' }),
      ]
      for (const message of messages) wire.send(encodeDhcp4(message))
      for (const name of ['P1', 'P5', 'P9', 'P11', 'P16', 'P19', 'P23', 'P25', 'P28', 'P30'])
        wire.send(vector(name).bytes)
      const asking = ['udhcpc', '-f', '-n', '-q', '-i', 'eth0', '-s', '/bin/true', '-t', '2', '-T', '1']
      const udhcpc = new Running(client.spawn('busybox', asking))
      await server.stderrMatch(/node01 .*would answer 10\.77\.0\.11 .*OFFER.*set dhcp: server/)
      await server.stderrMatch(/52:54:00:99:00:01 would answer 10\.77\.0\.1\d\d .*OFFER/)
      await server.stderrMatch(/52:54:00:99:00:01 would answer .*NAK/)
      await server.stderrMatch(/52:54:00:12:34:56 would answer .*bios-x86 OFFER undionly\.kpxe/)
      assert.equal((await udhcpc.exited).code, 1, 'udhcpc found no server')
      const promised = server.stderr.match(/(?<=66:.*would answer )10\.77\.0\.\d+/g) ?? []
      assert.equal(new Set(promised).size, 1, 'one client would get one address')
      await wire.flush()
      const left = wire.capture.frames.slice(before).map((frame) => parseEthernetUdp(frame))
      assert.ok(
        left.some((frame) => frame.ok && frame.value.destinationPort === 67),
        'the clients did ask',
      )
      assert.deepEqual(
        left.filter((frame) => frame.ok && frame.value.sourcePort === 67),
        [],
      )
      const leases = await centra('leases', '--config', site.config, '--json')
      assert.deepEqual(JSON.parse(leases.stdout), [], 'nothing was promised')
      assert.deepEqual(await server.stop(), { code: 0, signal: null })
    })

  test('dhcp: off: no DHCP socket; TFTP and HTTP serve', options, async () => {
    const wire = await wired
    assert.ok(wire)
    const site = makeSite('/run/off', (text) => text.replace('dhcp: server', 'dhcp: off'))
    const server = await serve(site)
    assert.doesNotMatch(server.stderr, /:67\b/)
    assert.match(server.stderr, /^ready udp 10\.77\.0\.1%prov0:69, tcp 10\.77\.0\.1:8080$/m)
    assert.doesNotMatch(net.run('busybox', 'netstat', '-lnu').stdout, /:67 /)
    const script = client.run('curl', '-sf', '--max-time', '20', 'http://10.77.0.1:8080/boot.ipxe')
    assert.match(script.stdout, /^#!ipxe\n/)
    const loader = client.run(
      'curl',
      '-sf',
      '--max-time',
      '20',
      '-o',
      '/run/loader',
      'tftp://10.77.0.1/undionly.kpxe',
    )
    assert.equal(loader.code, 0, loader.stderr)
    await server.stop()
  })
})
