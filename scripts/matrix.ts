/**
 * `npm run matrix`: firmware path, what booted and in how many seconds, from machines in QEMU before the real server. Unpacks what it
 * needs, then runs `test/matrix/inside.ts` in a private network, mount and process namespace.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT } from '../src/cli/exit-codes.ts'
import { unpackNewer } from '../src/lab/newer-packages.ts'
import { missingPackages } from '../src/lab/packages.ts'
import { buildPayload } from '../src/lab/payload.ts'
import { VERSION } from '../src/version.ts'
import { unpackArm64 } from '../test/helpers/arm64-payload.ts'
import { unpackPeer } from '../test/helpers/debian-peer.ts'
import { ARM64_EDK2, ARM64_QEMU, IA32_EDK2 } from '../test/helpers/other-machines.ts'
import { makeSignedIpxe, SIGNING_PACKAGES } from '../test/helpers/signed-ipxe.ts'
import { UKI_PACKAGES } from '../test/helpers/uki.ts'
import type { MatrixPlan } from '../test/matrix/inside.ts'
import { BOOT_PATHS, type PathRow } from '../test/matrix/paths.ts'
import { matrixPage, matrixTable } from '../test/matrix/report.ts'
import { runWorkbench, type Work } from './workbench.ts'

const HELP = `usage: npm run matrix -- [OPTION...]

Every firmware path from the power button to a Linux in service, one machine after the other, in private network namespaces: needs root,
installs nothing. The table goes to stdout, progress to stderr; exit code 1 when a path fails.

  --fast         without 32-bit UEFI and arm64
  --only REGEX   paths whose "name, firmware, path" has this
  --json         the rows as JSON instead of the table
  --write        the table into docs/matrix.md as well
  --help
`
const PAGE = join(import.meta.dirname, '../docs/matrix.md')
const SIGNED = ['shim-signed', 'grub-efi-amd64-signed'] as const

const bench = { name: 'matrix', help: HELP, read: readWish, missing: missingPackages('test'), run }
process.exitCode = await runWorkbench(bench, process.argv.slice(2))

interface Wish {
  readonly paths: readonly string[]
  readonly isJson: boolean
  readonly writes: boolean
}

async function run({ paths, isJson, writes }: Wish, { folder, say, inside }: Work): Promise<number> {
  say('looking for firmware and loaders in the cache; what is missing is downloaded')
  const result = join(folder, 'rows.json')
  const plan: MatrixPlan = { ...(await parts(say, folder)), paths, result }
  const code = await inside(join(import.meta.dirname, '../test/matrix/inside.ts'), plan)
  if (code !== 0) return code
  const rows: readonly PathRow[] = JSON.parse(readFileSync(result, 'utf8'))
  process.stdout.write(isJson ? `${JSON.stringify(rows, undefined, 2)}\n` : matrixTable(rows))
  if (writes) writeFileSync(PAGE, matrixPage(readFileSync(PAGE, 'utf8'), rows, made()))
  return rows.length === 0 || rows.some((row) => row.result === 'failed') ? EXIT.failure : EXIT.ok
}

function made(): string {
  const date = new Date().toISOString().slice(0, 10)
  return `Centra PXE ${VERSION}, Node ${process.version}, ${date}, ${cpus().length} cores, QEMU without virtualisation (\`-accel tcg\`).`
}

async function parts(say: Work['say'], folder: string): Promise<Omit<MatrixPlan, 'paths' | 'result'>> {
  const { tree: arm64, kernelTree: kernelArm64 } = await unpackArm64()
  const newer = async (suite: 'trixie' | 'sid', packages: readonly string[]): Promise<string> =>
    (await unpackNewer({ suite, packages, onProgress: say })).folder
  const ipxe2 = await newer('sid', ['ipxe'])
  const signedIpxe = join(folder, 'signed-ipxe')
  makeSignedIpxe({ tools: await peer(...SIGNING_PACKAGES), ipxe: ipxe2 }, signedIpxe)
  return {
    payload: await buildPayload({ onProgress: say }),
    trees: {
      own: '/',
      ipxe2,
      signedIpxe,
      signed12: await peer(...SIGNED),
      signed13: await newer('trixie', SIGNED),
      signedSid: await newer('sid', SIGNED),
      arm64,
      pxelinux: await peer('pxelinux', 'syslinux-common'),
    },
    tools: {
      qemuArm64: await peer(...ARM64_QEMU),
      edk2Arm64: await peer(ARM64_EDK2),
      edk2Ia32: await peer(IA32_EDK2),
      grubIa32: await peer('grub-common', 'grub-efi-ia32-bin'),
      uki: await peer(...UKI_PACKAGES),
      kernelArm64,
    },
  }
}

async function peer(first: string, ...more: readonly string[]): Promise<string> {
  const found = await unpackPeer(first, ...more)
  if ('why' in found) throw new Error(`${first}: ${found.why}`)
  return found.tree
}

function readWish(args: readonly string[]): Wish | undefined {
  const flag = { type: 'boolean' } as const
  const options = { fast: flag, json: flag, write: flag, help: flag, only: { type: 'string' } } as const
  const { values } = parseArgs({ args: [...args], options })
  if (values.help === true) return undefined
  const only = new RegExp(values.only ?? '', 'i')
  const wanted = BOOT_PATHS.filter(({ isSlow }) => values.fast !== true || isSlow !== true)
    .filter(({ name, firmware, way }) => only.test(`${name}, ${firmware}, ${way}`))
    .map(({ name }) => name)
  return { paths: wanted, isJson: values.json === true, writes: values.write === true }
}
