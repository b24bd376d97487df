/** What can be booted: each kind by each loader, as whole explanations with whole scripts. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answerHttp } from '../../src/app/answer-http.ts'
import { explain, type Supposed } from '../../src/app/explain.ts'
import { loadConfig } from '../../src/app/load-config.ts'
import { type Picture, takePicture } from '../../src/app/world.ts'
import { formatProblem } from '../../src/config/source.ts'
import type { HttpAnswer } from '../../src/model/http.ts'
import { renderTrace } from '../../src/render/trace.ts'
import { assertGolden } from '../helpers/golden.ts'
import { MemoryDisk, MemoryStore, running } from '../helpers/memory.ts'
import { ip, mac, NOW, world } from '../helpers/world.ts'

const FILE = '/etc/kinds.yaml'
const CONFIG = `version: 1
networks:
  - {name: provisioning, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199, router: 10.77.0.254}
images:
  both:
    kernel: /srv/vmlinuz
    initrd: [/srv/initrd.img, /srv/initrd-more.img]
    cmdline: quiet
    arch:
      uefi-arm64: {kernel: /srv/arm64/vmlinuz, initrd: /srv/arm64/initrd.img, cmdline: earlycon}
  x64: {arch: {uefi-x64: {efi: /srv/x64.efi}}}
  uki: {efi: /srv/uki.efi}
  tool: {efi: /srv/tool.efi, cmdline: verbose}
  memtest:
    arch:
      bios-x86: {kernel: /srv/memtest86+x64.bin}
      uefi-x64: {efi: /srv/memtest86+x64.efi}
  live: {iso: /srv/live.iso}
  lun: {sanboot: "iscsi:10.77.0.9::3260:1:iqn.2026-01.example:{{node.name}}", initiator: "iqn.2026-01.example:{{node.dashed-mac}}"}
  remote: {sanboot: "http://10.77.0.9/{{label.release}}.iso"}
  other: {chain: "http://10.77.0.9/menu.ipxe?mac={{node.mac}}"}
  efi-shell: {chain: "{{server.url}}/firmware/shell.efi"}
  filled: {kernel: /srv/vmlinuz, cmdline: "ip={{node.address}}::{{network.router}}:{{network.netmask}}:{{node.name}}::off rack={{label.rack}}"}
profiles:
  both: {image: both}
  x64: {image: x64}
  uki: {image: uki, direct: true}
  tool: {image: tool}
  memtest: {image: memtest, title: Memory test}
  live: {image: live}
  lun: {image: lun}
  remote: {image: remote}
  other: {image: other}
  efi-shell: {image: efi-shell}
  filled: {image: filled}
  on-disk: {localDisk: exit}
nodes:
  - {name: first, mac: "52:54:00:00:00:10", localDisk: first-disk}
  - {name: search, mac: "52:54:00:00:00:11", localDisk: search}
  - {name: both, mac: "52:54:00:00:00:01", profile: both}
  - {name: x64, mac: "52:54:00:00:00:02", profile: x64}
  - {name: uki, mac: "52:54:00:00:00:03", profile: uki, address: 10.77.0.13}
  - {name: tool, mac: "52:54:00:00:00:04", profile: tool}
  - {name: memtest, mac: "52:54:00:00:00:05", profile: memtest}
  - {name: live, mac: "52:54:00:00:00:06", profile: live}
  - {name: lun, mac: "52:54:00:00:00:07", profile: lun}
  - {name: remote, mac: "52:54:00:00:00:08", profile: remote, labels: {release: "13"}}
  - {name: other, mac: "52:54:00:00:00:09", profile: other}
  - {name: shell, mac: "52:54:00:00:00:0a", profile: efi-shell}
  - {name: filled, mac: "52:54:00:00:00:0b", profile: filled, address: 10.77.0.20, labels: {rack: r7}}
  - {name: unracked, mac: "52:54:00:00:00:0c", profile: filled, address: 10.77.0.21}
  - {name: odd-rack, mac: "52:54:00:00:00:0d", profile: filled, address: 10.77.0.22, labels: {rack: "r7 init=/bin/sh"}}
`
const MACHINES: Readonly<Record<string, string>> = {
  both: '52:54:00:00:00:01',
  x64: '52:54:00:00:00:02',
  uki: '52:54:00:00:00:03',
  tool: '52:54:00:00:00:04',
  memtest: '52:54:00:00:00:05',
  live: '52:54:00:00:00:06',
  lun: '52:54:00:00:00:07',
  remote: '52:54:00:00:00:08',
  other: '52:54:00:00:00:09',
  shell: '52:54:00:00:00:0a',
  filled: '52:54:00:00:00:0b',
  unracked: '52:54:00:00:00:0c',
  'odd-rack': '52:54:00:00:00:0d',
}

function memoryDisk(): MemoryDisk {
  const files = ['vmlinuz', 'initrd.img', 'initrd-more.img', 'arm64/vmlinuz', 'arm64/initrd.img']
  const programs = ['x64.efi', 'uki.efi', 'tool.efi', 'memtest86+x64.bin', 'memtest86+x64.efi', 'live.iso']
  return new MemoryDisk({
    [FILE]: CONFIG,
    ...Object.fromEntries([...files, ...programs].map((name) => [`/srv/${name}`, 'octets'])),
    '/usr/lib/ipxe/undionly.kpxe': 'loader',
    '/usr/lib/ipxe/snponly.efi': 'loader',
  })
}

async function picture(disk: MemoryDisk = memoryDisk()): Promise<Picture> {
  const { config, problems } = await loadConfig(FILE, disk)
  assert.ok(config, problems.map(formatProblem).join('\n'))
  return takePicture(config, disk)
}

async function page(machine: string, supposed: Partial<Supposed>): Promise<string> {
  const taken = await picture()
  const [network] = taken.config.networks
  assert.ok(network)
  const asked: Supposed = {
    ...{ mac: mac(MACHINES[machine] ?? machine), arch: 'uefi-x64', via: 'http', stage: 'ipxe', form: 'ipxe' },
    ...{ network, server: ip('10.77.0.1') },
    ...supposed,
  }
  const explanation = explain(asked, taken, NOW)
  return `${renderTrace(explanation)}\n${explanation.script === undefined ? '' : `\n${explanation.script}`}`
}

const PAGES: Readonly<Record<string, readonly [machine: string, supposed: Partial<Supposed>]>> = {
  'both-x64': ['both', {}],
  'both-arm64': ['both', { arch: 'uefi-arm64' }],
  'both-arm64-grub': ['both', { arch: 'uefi-arm64', form: 'grub' }],
  'x64-on-ebc': ['x64', { arch: 'uefi-ebc' }],
  'x64-on-arm64': ['x64', { arch: 'uefi-arm64' }],
  'x64-on-bios-pxelinux': ['x64', { arch: 'bios-x86', form: 'pxelinux' }],
  'chose-x64-on-bios': ['52:54:00:00:00:99', { arch: 'bios-x86', choice: 'x64' }],
  'uki-ipxe': ['uki', {}],
  'uki-grub': ['uki', { form: 'grub' }],
  'uki-pxelinux': ['uki', { form: 'pxelinux' }],
  'uki-bios': ['uki', { arch: 'bios-x86' }],
  'uki-http-boot': ['uki', { via: 'dhcp', stage: 'rom', arch: 'uefi-x64-http' }],
  'uki-pxe': ['uki', { via: 'dhcp', stage: 'rom' }],
  'tool-ipxe': ['tool', {}],
  'tool-grub': ['tool', { form: 'grub' }],
  'memtest-bios': ['memtest', { arch: 'bios-x86' }],
  'memtest-bios-pxelinux': ['memtest', { arch: 'bios-x86', form: 'pxelinux' }],
  'memtest-uefi': ['memtest', {}],
  'live-ipxe': ['live', {}],
  'live-grub': ['live', { form: 'grub' }],
  'lun-ipxe': ['lun', {}],
  'lun-pxelinux': ['lun', { form: 'pxelinux' }],
  'remote-ipxe': ['remote', {}],
  'other-ipxe': ['other', {}],
  'other-grub': ['other', { form: 'grub' }],
  'shell-grub': ['shell', { form: 'grub' }],
  'local-usual-grub': ['52:54:00:00:00:99', { choice: 'local', form: 'grub' }],
  'local-usual-pxelinux': ['52:54:00:00:00:99', { choice: 'local', form: 'pxelinux', arch: 'bios-x86' }],
  'local-by-model': [
    '52:54:00:00:00:99',
    { choice: 'local', says: { manufacturer: 'QEMU', product: 'Standard PC (Q35 + ICH9, 2009)' } },
  ],
  'local-first-ipxe': ['52:54:00:00:00:10', { choice: 'local', arch: 'bios-x86' }],
  'local-first-grub': ['52:54:00:00:00:10', { choice: 'local', form: 'grub' }],
  'local-first-pxelinux': ['52:54:00:00:00:10', { choice: 'local', form: 'pxelinux' }],
  'local-search-ipxe': ['52:54:00:00:00:11', { choice: 'local' }],
  'local-search-grub': ['52:54:00:00:00:11', { choice: 'local', form: 'grub' }],
  'filled-ipxe': ['filled', {}],
  'filled-grub': ['filled', { form: 'grub' }],
  'unracked-has-no-value': ['unracked', {}],
  'odd-rack-is-no-word': ['odd-rack', {}],
}

describe('explanations', () => {
  for (const [name, [machine, supposed]] of Object.entries(PAGES))
    test(name, async () => assertGolden(`kinds/${name}.txt`, await page(machine, supposed)))
})

interface Direct {
  readonly get: (target: string, method?: string) => Promise<HttpAnswer>
  readonly store: MemoryStore
}

async function direct(): Promise<Direct> {
  const store = new MemoryStore()
  const there = world().lease('10.77.0.13', mac('52:54:00:00:00:03'))
  const server = running(there, store)
  const disk = memoryDisk()
  const state = { ...server.running, disk, picture: await picture(disk) }
  return {
    store,
    get: (path, method = 'GET') =>
      answerHttp(
        { method, path, query: new URLSearchParams(), peer: '10.77.0.13', readBody: async () => '' },
        server.on,
        state,
        () => ({ version: '0', items: [], foreign: [] }),
      ),
  }
}

describe('UEFI HTTP boot straight to a program', () => {
  const OWN = '/boot/52-54-00-00-00-03.efi'

  test('its own address gives the program, as one for UEFI, and HEAD tells nobody', async () => {
    const { get, store } = await direct()
    for (const method of ['HEAD', 'GET']) {
      const answer = await get(OWN, method)
      assert.ok(answer.kind === 'file', JSON.stringify(answer))
      assert.equal(answer.path, '/srv/uki.efi')
      assert.deepEqual(answer.headers, { 'Content-Type': 'application/efi', 'Cache-Control': 'no-store' })
      assert.deepEqual(
        store.events.map(({ kind, detail }) => [kind, detail['script'], detail['form'], detail['image']]),
        method === 'HEAD' ? [] : [['http.script', 'program', 'efi', 'uki']],
      )
    }
  })

  test('404 and the reason for whoever has no program: the firmware goes on with its boot order', async () => {
    const { get } = await direct()
    for (const [path, body] of [
      ['/boot/52-54-00-00-00-99.efi', /^a menu needs a loader: leave out direct: true$/m],
      ['/boot/52-54-00-00-00-01.efi', /cannot boot here: both: UEFI HTTP boot cannot load a kernel/],
      ['/boot/nobody.efi', /^expected \/boot\/MAC\.efi$/m],
    ] as const) {
      const answer = await get(path)
      assert.ok(answer.kind === 'text', path)
      assert.equal(answer.status, 404)
      assert.match(answer.body, body)
    }
    const posted = await get(OWN, 'POST')
    assert.ok(posted.kind === 'text' && posted.status === 405)
  })
})
