import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeBridge, makeTap } from '../../src/lab/namespace.ts'
import { unpackNewer } from '../../src/lab/newer-packages.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { startMachine } from '../../src/lab/qemu.ts'
import { builtIpxe } from '../helpers/ipxe-build.ts'
import { configWithPayload } from '../helpers/lab-run.ts'
import { inNetns } from '../helpers/netns.ts'
import { answerRouterSolicitations } from '../helpers/quiet-router.ts'
import { centra, endAll, loggedEvents, type Running, startCentra } from '../helpers/server.ts'
import { mac as macOf } from '../helpers/world.ts'

/**
 * HTTPS from the power button to the report: OVMF, which trusts our authority by fw_cfg, fetches an iPXE that trusts it; that
 * one fetches its scripts, the kernel and the initrd. The iPXE is Debian's, changed by `tls trust`; in the soak also one built
 * from source with `TRUST=`.
 */
const ipxe = await unpackNewer({ suite: 'sid', packages: ['ipxe'] }).then(
  ({ folder }) => ({ tree: folder }),
  (error: Error) => ({ why: error.message }),
)
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : 'why' in ipxe && ipxe.why
if (skip === false) await buildPayload()
const built = skip === false ? await builtIpxe() : []

const PATIENCE_MS = 300_000
const SITE = '/run/site'
const CONFIG = `${SITE}/centra-pxe.yaml`
const LOADER = 'snponly.efi'

interface Booted {
  readonly name: string
  readonly mac: string
  readonly authorities: string
}

inNetns(import.meta, () => {
  describe('UEFI HTTPS boot', { skip }, () => {
    let server: Running

    before(async () => {
      await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
      answerRouterSolicitations('prov0')
      mkdirSync(`${SITE}/firmware`, { recursive: true })
      const config = await configWithPayload(join(import.meta.dirname, 'nodes.yaml'), SITE)
      const boot = 'boot: { https: { certificate: tls/server.crt, key: tls/server.key } }'
      writeFileSync(
        config,
        `${readFileSync(config, 'utf8').replace('dhcp: server', 'dhcp: server\n    https: [firmware, scripts]').trimEnd()}
server: { stateDir: ./state, firmware: ./firmware, ${boot} }
unknown: local
`,
      )
      const made = await centra('tls', 'init', '--config', CONFIG)
      assert.equal(made.code, 0, made.stderr)
    })
    after(endAll)

    const serve = async (): Promise<void> => {
      server = startCentra('serve', '--config', CONFIG, '--log', 'json')
      await server.stderrMatch(/^ready .*$/m)
    }
    const powerOn = async ({ name, mac, authorities }: Booted): ReturnType<typeof on> =>
      on(name, mac, authorities)
    const steps = (mac: string): readonly string[] => {
      const lines = loggedEvents(server.stderr)
        .filter((event) => event['mac'] === mac && /^(tftp|https?)\.(?!progress)/.test(event.kind))
        .map(
          ({ kind, detail }) => `${kind} ${String(detail['file'] ?? detail['script'] ?? detail['reason'])}`,
        )
      return lines.filter((line, i) => line !== lines[i - 1])
    }
    const boots = async (one: Booted): Promise<void> => {
      await serve()
      const machine = await powerOn(one)
      try {
        const report = await server.event('report', { mac: one.mac, stage: 'in-service' }, 0, PATIENCE_MS)
        assert.equal(report.detail['standing'], 'verified')
        assert.deepEqual(steps(one.mac), [
          ...[`http.start ${LOADER}`, `http.done ${LOADER}`, 'http.script identify', 'http.script boot'],
          ...['http.start vmlinuz', 'http.done vmlinuz', 'http.start initrd.img', 'http.done initrd.img'],
        ])
        const serial = readFileSync(`/run/${one.name}/serial.log`, 'latin1')
        assert.match(serial, /https:\/\/10\.77\.0\.1:8443\/images\/payload\/[0-9a-f]{64}\/vmlinuz/)
        assert.match(serial, /centra: in service as all-in-one/)
      } finally {
        await machine.stop()
        await server.stop()
      }
    }
    const limit = { timeout: PATIENCE_MS + 60_000 }
    const UEFI = '52:54:00:77:0a:02'

    test(
      "Debian's iPXE that `tls trust` changed: loader, scripts, kernel and initrd over TLS",
      limit,
      async () => {
        const original = join('tree' in ipxe ? ipxe.tree : '', 'usr/lib/ipxe', LOADER)
        const authority = `${SITE}/tls/ca.crt`
        const out = `${SITE}/firmware/${LOADER}`
        const trusted = await centra('tls', 'trust', original, '--authority', authority, '--out', out)
        assert.equal(trusted.code, 0, trusted.stderr)
        await boots({ name: 'trusting', mac: UEFI, authorities: `${SITE}/tls/ca.esl` })
      },
    )

    test('firmware that trusts another authority refuses ours, and the timeline says so', limit, async () => {
      const other = await centra('tls', 'init', '--dir', '/run/other', '--address', '10.77.0.1')
      assert.equal(other.code, 0, other.stderr)
      await serve()
      const machine = await powerOn({ name: 'stranger', mac: UEFI, authorities: '/run/other/ca.esl' })
      try {
        await server.event(
          'https.failed',
          { mac: UEFI, reason: /^closed before it was secure/ },
          0,
          PATIENCE_MS,
        )
        assert.ok(!steps(UEFI).some((step) => step.startsWith('http.')))
      } finally {
        await machine.stop()
        await server.stop()
      }
    })

    for (const { version, loader, tls } of built)
      test(
        `iPXE ${version} built with TRUST=: loader, scripts, kernel and initrd over TLS`,
        limit,
        async () => {
          copyFileSync(loader, `${SITE}/firmware/${LOADER}`)
          for (const file of ['server.crt', 'server.key'])
            copyFileSync(join(tls, file), `${SITE}/tls/${file}`)
          await boots({ name: `built-${version}`, mac: UEFI, authorities: join(tls, 'ca.esl') })
        },
      )
  })
})

async function on(
  name: string,
  mac: string,
  authorities: string,
): Promise<Pick<ReturnType<typeof startMachine>, 'stop'>> {
  const tap = `tap-${name}`.slice(0, 15)
  const folder = `/run/${name}`
  mkdirSync(folder)
  if (!existsSync(`/sys/class/net/${tap}`)) await makeTap({ name: tap, bridge: 'prov0' })
  return startMachine({
    ...{
      name,
      mac: macOf(mac),
      firmware: 'uefi',
      nic: 'virtio',
      tap,
      folder,
      memoryMib: 512,
      acceleration: 'tcg',
    },
    ...{ uuid: `00000000-0000-4000-8000-${mac.replaceAll(':', '')}`, uefiBoots: 'http' },
    httpsAuthorities: authorities,
  })
}
