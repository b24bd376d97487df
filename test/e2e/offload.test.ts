import assert from 'node:assert/strict'
import { copyFileSync, createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { GRUB_PACKAGES } from '../../src/lab/install-grub.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { BOOT_PATIENCE_MS, type BootRoom, makeBootRoom, switchOff } from '../helpers/boot-room.ts'
import { unpackPeer } from '../helpers/debian-peer.ts'
import { makeNetGrub } from '../helpers/grub-image.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, loggedEvents, type Running } from '../helpers/server.ts'

/**
 * Kernel and initrd from another server than ours (`files:`), for a real iPXE and GRUB: by the script, by a redirect, and from us where the
 * other one does not answer.
 */
const [first, ...others] = GRUB_PACKAGES
const grub = await unpackPeer(first, ...others)
const absent = missingPackages('lab')
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : absent.length > 0
      ? `missing: ${absent.join(' ')}`
      : 'why' in grub && grub.why
if (skip === false) await buildPayload()
const limit = { timeout: 2 * BOOT_PATIENCE_MS }
const OTHER = '10.77.0.9'
const BASE = `http://${OTHER}`
const WWW = '/run/www'

inNetns(import.meta, (net) => {
  describe('files of another server', { skip }, () => {
    let room: BootRoom
    let server: Running
    let other: Server | undefined
    /** Client and path of what the other server sent. */
    const sent: string[] = []

    before(async () => {
      room = await makeBootRoom((text) =>
        text
          .replace('    dhcp: server\n', `    dhcp: server\n    files: ${BASE}\n`)
          .replace('0a:03",', '0a:03", loader: grub-net.efi,'),
      )
      copyFileSync('/usr/lib/ipxe/snponly.efi', join(room.firmware, 'snponly.efi'))
      assert.ok('tree' in grub)
      makeNetGrub(grub.tree, { output: join(room.firmware, 'grub-net.efi'), target: 'x86_64-efi' })
      net.run('ip', 'address', 'add', `${OTHER}/24`, 'dev', 'prov0')
      const exported = await centra('image', 'export', WWW, '--config', room.config)
      assert.equal(exported.code, 0, exported.stderr)
      other = createServer((request, response) => {
        const file = join(WWW, request.url ?? '')
        if (request.method !== 'GET' || !existsSync(file)) return void response.writeHead(404).end()
        sent.push(`${String(request.headers['user-agent']).slice(0, 4)} ${file.split('/').at(-1)}`)
        response.writeHead(200, { 'Content-Length': statSync(file).size })
        createReadStream(file).pipe(response)
      }).listen(80, OTHER)
      server = await room.serve()
    })
    after(async () => {
      other?.close()
      await endAll()
    })
    const boot = async (name: string, mac: string, firmware: 'bios' | 'uefi'): Promise<readonly string[]> => {
      const from = server.stderr.length
      sent.length = 0
      const machine = await room.powerOn({ name, mac, firmware })
      const booted = server.event('report', { mac, stage: 'in-service' }, from, BOOT_PATIENCE_MS)
      await switchOff(machine, () => booted)
      return loggedEvents(server.stderr.slice(from)).flatMap(({ kind, detail }) =>
        kind === 'http.start' ? [String(detail['file'])] : [],
      )
    }

    test('UEFI: the script names the other server, and nothing leaves ours', limit, async () => {
      assert.deepEqual(await boot('uefi', '52:54:00:77:0a:02', 'uefi'), [])
      assert.deepEqual(sent, ['iPXE vmlinuz', 'iPXE initrd.img'])
    })

    test('UEFI: GRUB as well', limit, async () => {
      assert.deepEqual(await boot('plain', '52:54:00:77:0a:03', 'uefi'), [])
      assert.deepEqual(sent, ['GRUB vmlinuz', 'GRUB initrd.img'])
    })

    test('BIOS: iPXE follows our redirect', limit, async () => {
      const text = readFileSync(room.config, 'utf8')
      writeFileSync(room.config, text.replace(`files: ${BASE}`, `files: { url: ${BASE}, by: redirect }`))
      const reloaded = await centra('reload', '--config', room.config)
      assert.equal(reloaded.code, 0, reloaded.stderr)
      assert.deepEqual(await boot('rom', '52:54:00:77:0a:01', 'bios'), [])
      assert.deepEqual(sent, ['iPXE vmlinuz', 'iPXE initrd.img'])
    })

    test('BIOS: everything from ours where the other server is gone', limit, async () => {
      await new Promise((closed) => {
        other?.close(closed)
        other?.closeAllConnections()
      })
      assert.deepEqual(await boot('rom2', '52:54:00:77:0a:01', 'bios'), ['vmlinuz', 'initrd.img'])
      assert.deepEqual(sent, [])
    })
  })
})
