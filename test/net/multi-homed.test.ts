/** One server with several interfaces: every reply leaves by the interface of its question, and says that address. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { formatIpv4 } from '../../src/lib/ipv4.ts'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { messageType, optionIpv4, optionText } from '../../src/protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../../src/protocol/frame/ipv4-udp.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { type Capture, inNetns } from '../helpers/netns.ts'
import { centra, endAll, makeSite, missing, serve } from '../helpers/server.ts'

const options = { timeout: 60_000, skip: missing('tcpdump', 'busybox') }
const INTERFACES = ['prov0', 'second0', 'watched0', 'off0', 'beside0'] as const
type Interface = (typeof INTERFACES)[number]

const MORE = (
  [
    ['second', '10.80.0', 'server'],
    ['watched', '10.81.0', 'observe'],
    ['off', '10.82.0', 'off'],
    ['beside', '10.83.0', 'proxy'],
  ] as const
)
  .map(
    ([name, net, mode]) => `  - name: ${name}
    interface: ${name}0
    subnet: ${net}.0/24
    dhcp: ${mode}
${mode === 'proxy' ? '' : `    pool: ${net}.100-${net}.199\n`}    router: ${net}.1
`,
  )
  .join('')

/** What iPXE says of itself: udhcpc with it is told where the script is. */
const AS_IPXE = ['-x', '0xaf:b101011301011801ff', '-x', '0x4d:69505845', '-O', '67']

inNetns(import.meta, (net) => {
  const hosts = new Map<Interface, DhcpHost>()
  INTERFACES.forEach((name, index) => {
    const host = net.host(`on-${name}`)
    const address =
      ['10.77.0.1/24', '10.80.0.1/24', '10.81.0.1/24', '10.82.0.1/24', '10.83.0.1/24'][index] ?? ''
    net.veth({ name, address }, { name: 'eth0', host })
    if (options.skip === false) hosts.set(name, new DhcpHost(host, 'eth0'))
  })
  const site = makeSite('/run/site', (text) => text.replace('images:\n', `${MORE}\nimages:\n`))
  const on = (name: Interface): DhcpHost => hosts.get(name) ?? assert.fail(name)
  afterEach(endAll)

  for (const { name, macs } of [
    { name: 'two machines', macs: ['52:54:00:99:03:01', '52:54:00:99:03:02'] },
    { name: 'two machines with one MAC', macs: ['52:54:00:99:03:03', '52:54:00:99:03:03'] },
  ])
    test(
      `A09: ${name} on two interfaces at once: each is answered there, with that address everywhere`,
      options,
      async () => {
        const server = await serve(site)
        const captures = await listen()
        const asking = (['prov0', 'second0'] as const).map((where, index) => {
          on(where).become(macs[index] ?? '')
          return { where, udhcpc: on(where).udhcpc('-q', ...AS_IPXE) }
        })
        for (const { where, udhcpc } of asking) {
          const { code } = await udhcpc.exited
          assert.equal(code, 0, `${where}: ${udhcpc.stderr}\n${server.stderr}`)
        }
        for (const [where, ours] of [
          ['prov0', '10.77.0'],
          ['second0', '10.80.0'],
        ] as const) {
          const replies = sent(captures, where)
          assert.deepEqual(new Set(replies.map(({ type }) => type)), new Set(['OFFER', 'ACK']))
          for (const { address, ...said } of replies) {
            assert.ok(address.startsWith(`${ours}.1`), address)
            const own = `${ours}.1`
            assert.deepEqual(said, {
              type: said.type,
              source: own,
              server: own,
              siaddr: own,
              router: own,
              url: `http://${own}:8080/boot.ipxe`,
            })
          }
        }
        for (const silent of ['watched0', 'off0'] as const) assert.deepEqual(sent(captures, silent), [])
        const { stdout } = await centra('leases', '--config', site.config)
        for (const [index, network] of ['provisioning', 'second'].entries())
          assert.match(stdout, new RegExp(`${macs[index]}.* ${network} .*bound`))
        for (const capture of captures.values()) await capture.stop()
        await server.stop()
      },
    )

  test(
    'a third network is only observed and a fourth is off, beside two that are served',
    options,
    async () => {
      const server = await serve(site)
      const captures = await listen()
      const asking = (['watched0', 'off0'] as const).map((where) => on(where).udhcpc('-n', '-q', '-t', '2'))
      await server.stderrMatch(/would answer 10\.81\.0\.1\d\d .*OFFER.*set dhcp: server/)
      for (const udhcpc of asking) assert.equal((await udhcpc.exited).code, 1)
      for (const where of INTERFACES) assert.deepEqual(sent(captures, where), [])
      assert.doesNotMatch(server.stderr, /would answer 10\.82\./)
      assert.match(server.stderr, /^ready .*udp 0\.0\.0\.0%prov0:67/m)
      assert.doesNotMatch(server.stderr, /%off0:67/)
      const sockets = net.run('ss', '-lnuH').stdout
      assert.match(sockets, /%second0:67\b/)
      assert.doesNotMatch(sockets, /%off0:67\b|(?:0\.0\.0\.0|\*):67\b/, 'no wildcard socket')
      for (const capture of captures.values()) await capture.stop()
      await server.stop()
    },
  )

  test(
    'X14, X17: a fifth network is proxied beside all these: machines that netboot are told where, and get no address',
    options,
    async () => {
      const server = await serve(site)
      const captures = await listen()
      const plain = on('beside0').udhcpc('-n', '-q', '-t', '2')
      assert.equal((await plain.exited).code, 1)
      assert.deepEqual(sent(captures, 'beside0'), [], 'an operating system is not answered')
      const bios = ['-V', 'PXEClient:Arch:00000:UNDI:002001', '-x', '0x5d:0000']
      const [asking, served] = [
        on('beside0').udhcpc('-n', '-q', '-t', '2', ...bios),
        on('prov0').udhcpc('-q'),
      ]
      assert.equal((await asking.exited).code, 1)
      assert.equal((await served.exited).code, 0, `${served.stderr}\n${server.stderr}`)
      const replies = sent(captures, 'beside0')
      assert.ok(replies.length > 0)
      for (const { type, address, source, server: ours, siaddr } of replies)
        assert.deepEqual(
          [type, address, source, ours, siaddr],
          ['OFFER', '0.0.0.0', ...Array.from({ length: 3 }, () => '10.83.0.1')],
        )
      for (const silent of ['second0', 'watched0', 'off0'] as const)
        assert.deepEqual(sent(captures, silent), [])
      for (const capture of captures.values()) await capture.stop()
      await server.stop()
    },
  )

  async function listen(): Promise<ReadonlyMap<Interface, Capture>> {
    const captures = new Map<Interface, Capture>()
    for (const name of INTERFACES) captures.set(name, (await net.capture(name)) ?? assert.fail(name))
    return captures
  }
})

interface Sent {
  readonly type: string | undefined
  readonly source: string
  readonly address: string
  readonly server: string
  readonly siaddr: string
  readonly router: string
  readonly url: string | undefined
}

/** The DHCP replies that left by one interface. */
function sent(captures: ReadonlyMap<Interface, Capture>, name: Interface): readonly Sent[] {
  return (captures.get(name)?.frames ?? []).flatMap((frame) => {
    const udp = parseEthernetUdp(frame)
    if (!udp.ok || udp.value.sourcePort !== 67) return []
    const message = decodeDhcp4(udp.value.payload)
    if (!message.ok) return []
    const { yiaddr, siaddr } = message.value
    const address = (code: number): string => {
      const value = optionIpv4(message.value, code)
      return value === undefined ? '' : formatIpv4(value)
    }
    return [
      {
        type: messageType(message.value),
        source: formatIpv4(udp.value.source),
        address: formatIpv4(yiaddr),
        server: address(OPTION.serverIdentifier),
        siaddr: formatIpv4(siaddr),
        router: address(OPTION.router),
        url: optionText(message.value, OPTION.bootFileName),
      },
    ]
  })
}
