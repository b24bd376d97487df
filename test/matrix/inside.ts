/** The part of `npm run matrix` that runs in the private world: `inside.ts PLAN`, a file written by `scripts/matrix.ts`. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { openPlainPxeRelay } from '../../src/lab/plain-pxe-relay.ts'
import { makeArm64Payload } from '../helpers/arm64-payload.ts'
import { type BootRoom, makeBootRoom } from '../helpers/boot-room.ts'
import { makeNetGrub } from '../helpers/grub-image.ts'
import { enterNetwork } from '../helpers/netns.ts'
import { arm64Machine, type Command, ia32Machine, serialOf } from '../helpers/other-machines.ts'
import { centra, Running } from '../helpers/server.ts'
import { makeUki } from '../helpers/uki.ts'
import { BOOT_PATHS, type BootPath, type Origin, type PathRow } from './paths.ts'

export interface MatrixPlan {
  /** Names of paths. */
  readonly paths: readonly string[]
  readonly trees: Readonly<Record<Origin, string>>
  readonly tools: Readonly<
    Record<'qemuArm64' | 'edk2Arm64' | 'edk2Ia32' | 'grubIa32' | 'uki' | 'kernelArm64', string>
  >
  readonly payload: { readonly kernel: string; readonly initrd: string }
  /** Where the rows go. */
  readonly result: string
}

const PATIENCE_MS = 240_000
const CMDLINE = 'quiet nokaslr mitigations=off tsc=reliable audit=0 console=ttyS0,115200'
const LAST_WORDS = 300
const say = (line: string): void => void process.stderr.write(`matrix: ${line}\n`)

process.once('SIGTERM', () => process.exit(143))
const plan: MatrixPlan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const net = enterNetwork()
const paths = BOOT_PATHS.filter(({ name }) => plan.paths.includes(name))
const room = await makeBootRoom(site)
await prepare(room)
const rows: PathRow[] = []
for (const path of paths) {
  const row = await boot(path)
  rows.push(row)
  say(
    `${path.name}: ${row.result}, ${row.seconds.toFixed(1)} s${row.trouble === undefined ? '' : `: ${row.trouble}`}`,
  )
}
writeFileSync(plan.result, JSON.stringify(rows))
process.exit(0)

function macOf({ name }: BootPath): string {
  const index = BOOT_PATHS.findIndex((one) => one.name === name)
  return `52:54:00:77:0d:${(index + 1).toString(16).padStart(2, '0')}`
}

function site(text: string): string {
  const nodes = paths.map((path) => {
    const more = path.node === undefined ? '' : `, ${path.node}`
    return `  - { name: ${path.name}, mac: "${macOf(path)}", profile: ${path.profile}${more} }\n`
  })
  const images = [
    '  uki: { efi: ./images/uki.efi }\n',
    '  arm64: { arch: { uefi-arm64: { kernel: ./arm64/vmlinuz, initrd: ./arm64/initrd.img, cmdline: console=ttyAMA0 } } }\n',
  ]
  const profiles = ['  linux: { image: payload }\n', '  linux-arm64: { image: arm64 }\n']
  return text
    .replace('images:\n', `images:\n${images.join('')}`)
    .replace('profiles:\n', `profiles:\n${profiles.join('')}  uki: { image: uki, direct: true }\n`)
    .replace(/nodes:\n.*(?=\nserver:)/s, `nodes:\n${nodes.join('')}`)
    .replace('server: {', 'server: { boot: { https: { certificate: tls/server.crt, key: tls/server.key } },')
}

async function prepare({ config, firmware }: BootRoom): Promise<void> {
  const folder = dirname(config)
  mkdirSync(join(folder, 'arm64'))
  const { trees, tools, payload } = plan
  makeArm64Payload({ tree: trees.arm64, kernelTree: tools.kernelArm64 }, join(folder, 'arm64'))
  const uki = BOOT_PATHS.find(({ profile }) => profile === 'uki')
  const reportsTo = uki === undefined ? '' : macOf(uki).replaceAll(':', '-')
  const cmdline = `${CMDLINE} centra.profile=uki centra.report=http://10.77.0.1:8080/v1/report/${reportsTo}`
  makeUki(tools.uki, { ...payload, cmdline }, join(folder, 'images/uki.efi'))
  makeNetGrub(tools.grubIa32, { output: join(firmware, 'grub-ia32.efi'), target: 'i386-efi' })
  const made = await centra('tls', 'init', '--config', config)
  if (made.code !== 0) throw new Error(made.stderr)
}

/** The loaders of a path, and no others: two GRUBs have one name. */
async function putLoaders({ files, hardware }: BootPath): Promise<void> {
  for (const { files: all } of BOOT_PATHS)
    for (const { as } of all) rmSync(join(room.firmware, as), { force: true })
  for (const { from, path, as } of files) {
    const original = join(from === 'own' ? '/' : plan.trees[from], path)
    const out = join(room.firmware, as)
    if (hardware.kind !== 'uefi' || hardware.tls !== true) copyFileSync(original, out)
    else {
      const authority = join(dirname(room.config), 'tls/ca.crt')
      const made = await centra('tls', 'trust', original, '--authority', authority, '--out', out)
      if (made.code !== 0) throw new Error(made.stderr)
    }
  }
}

async function boot(path: BootPath): Promise<PathRow> {
  await putLoaders(path)
  const server = await room.serve()
  const mac = macOf(path)
  const begun = performance.now()
  const machine = await powerOn(path, mac)
  const { name, firmware, way, boots } = path
  const row = (result: PathRow['result']): Omit<PathRow, 'trouble'> => ({
    ...{ name, firmware, way, boots, result, seconds: (performance.now() - begun) / 1000 },
  })
  try {
    if (path.ends === 'reports') await server.event('report', { mac, stage: 'in-service' }, 0, PATIENCE_MS)
    else await server.event('boot.refused', { mac }, 0, PATIENCE_MS)
    return row('ok')
  } catch {
    return { ...row('failed'), trouble: lastWords(machine.serial()) }
  } finally {
    await machine.stop()
    await server.stop()
  }
}

interface Machine {
  readonly stop: () => Promise<unknown>
  readonly serial: () => string
}

async function powerOn({ name, hardware }: BootPath, mac: string): Promise<Machine> {
  const { qemuArm64: qemu, edk2Arm64: edk2, edk2Ia32 } = plan.tools
  switch (hardware.kind) {
    case 'arm64':
      return other(name, await arm64Machine({ name, mac }, { ...hardware, qemu, edk2 }))
    case 'ia32':
      return other(name, await ia32Machine({ name, mac }, edk2Ia32))
    case 'bios': {
      const folder = `/run/${name}`
      mkdirSync(folder)
      const relay = hardware.plainPxe === true ? await openPlainPxeRelay(folder) : undefined
      const relayed = relay === undefined ? {} : { sentFrames: relay.sentFrames }
      const machine = await room.powerOn({ name, mac, firmware: 'bios', ...relayed })
      const stop = async (): Promise<void> => {
        await machine.stop()
        await relay?.close()
      }
      return { serial: machine.serial, stop }
    }
    case 'uefi': {
      const { secureBoot, trustsSigner, boots, tls } = hardware
      return room.powerOn({
        ...{ name, mac },
        ...(secureBoot === undefined ? {} : { secureBoot }),
        ...(trustsSigner === undefined ? {} : { variables: join(plan.trees.signedIpxe, 'variables.fd') }),
        ...(boots === undefined ? {} : { uefiBoots: boots }),
        ...(tls === undefined ? {} : { httpsAuthorities: join(dirname(room.config), 'tls/ca.esl') }),
      })
    }
    default:
      return hardware satisfies never
  }
}

function other(name: string, [program, ...args]: Command): Machine {
  const running = new Running(net.spawn(program, args))
  return {
    stop: () => running.stop('SIGKILL'),
    serial: () => readFileSync(serialOf({ name }), 'latin1'),
  }
}

function lastWords(serial: string): string {
  return stripVTControlCharacters(serial).replace(/\s+/g, ' ').slice(-LAST_WORDS)
}
