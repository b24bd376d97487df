/**
 * `npm run interop`: the real server and real clients, as a table of client, option and result. Finds versions and peers, then runs
 * `test/interop/inside.ts` in a private network, mount and process namespace.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findTftpServer } from '../bench/tftp-servers.ts'
import { EXIT } from '../src/cli/exit-codes.ts'
import { packageOf, showPackages } from '../src/lab/debian-packages.ts'
import { GRUB_PACKAGES } from '../src/lab/install-grub.ts'
import { buildPayload } from '../src/lab/payload.ts'
import { unpackPeer } from '../test/helpers/debian-peer.ts'
import type { FirmwareParts } from '../test/interop/firmware.ts'
import type { InteropPlan } from '../test/interop/inside.ts'
import type { Row } from '../test/interop/matrix.ts'
import { PEER_SERVERS } from '../test/interop/peers.ts'
import { hasFailed, interopPage, interopTable } from '../test/interop/report.ts'
import { runWorkbench, type Work } from './workbench.ts'

const HELP = `usage: npm run interop -- [OPTION...]

Real clients against the real server, in private network namespaces: needs root, installs nothing. The table goes to stdout, progress
to stderr; exit code 1 when a row fails.

  --fast         programs only, no firmware in QEMU, no file of 65536 blocks but one
  --only REGEX   rows whose "client, plane, option, path" has this
  --json         the rows as JSON instead of the table
  --write        the table into docs/interop.md as well
  --help
`
const PACKAGES = ['tftp-hpa', 'atftp', 'curl', 'busybox', 'wget', 'ipxe', 'ipxe-qemu', 'ovmf'] as const
const PAGE = join(import.meta.dirname, '../docs/interop.md')

process.exitCode = await runWorkbench(
  { name: 'interop', help: HELP, read: readWish, run },
  process.argv.slice(2),
)

interface Wish {
  readonly isFast: boolean
  readonly isJson: boolean
  readonly writes: boolean
  readonly only?: string
}

async function run({ isFast, isJson, writes, only }: Wish, { folder, say, inside }: Work): Promise<number> {
  say('looking for other servers in the cache; what is missing is downloaded')
  const peers: InteropPlan['peers'][number][] = []
  for (const name of PEER_SERVERS) peers.push({ name, found: await findTftpServer(name) })
  const firmware = isFast ? undefined : await firmwareParts(say)
  const versions = Object.fromEntries([
    ...PACKAGES.flatMap((name) => versionOf(name) ?? []),
    ...(firmware === undefined ? [] : await versionsOf('grub-pc-bin', 'pxelinux')),
  ])
  const result = join(folder, 'rows.json')
  const plan: InteropPlan = {
    ...{ isFast, peers, versions, result },
    ...(only === undefined ? {} : { only }),
    ...(firmware === undefined ? {} : { firmware }),
  }
  const code = await inside(join(import.meta.dirname, '../test/interop/inside.ts'), plan)
  if (code !== 0) return code
  const rows: readonly Row[] = JSON.parse(readFileSync(result, 'utf8'))
  process.stdout.write(isJson ? `${JSON.stringify(rows, undefined, 2)}\n` : interopTable(rows))
  if (writes) writeFileSync(PAGE, interopPage(readFileSync(PAGE, 'utf8'), rows, peers))
  return rows.length === 0 || rows.some(hasFailed) ? EXIT.failure : EXIT.ok
}

/** Firmware needs a kernel to boot, GRUB and PXELINUX: unpacked into the cache. */
async function firmwareParts(say: Work['say']): Promise<FirmwareParts> {
  const { kernel, initrd } = await buildPayload({ onProgress: say })
  const [first, ...others] = GRUB_PACKAGES
  const [grub, pxelinux] = [
    await unpackPeer(first, ...others),
    await unpackPeer('pxelinux', 'syslinux-common'),
  ]
  if ('why' in grub) throw new Error(`GRUB: ${grub.why}`)
  if ('why' in pxelinux) throw new Error(`PXELINUX: ${pxelinux.why}`)
  return { kernel, initrd, grub: grub.tree, pxelinux: pxelinux.tree }
}

async function versionsOf(...names: readonly string[]): Promise<readonly (readonly [string, string])[]> {
  return [...(await showPackages(names))].map(([name, fields]) => [name, packageOf(fields).version])
}

function versionOf(name: string): readonly (readonly [string, string])[] | undefined {
  const { status, stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status} ${Version}', name], {
    encoding: 'utf8',
  })
  const [state, version] = stdout.split(' ')
  return status === 0 && state === 'installed' && version !== undefined ? [[name, version]] : undefined
}

function readWish(args: readonly string[]): Wish | undefined {
  const flag = { type: 'boolean' } as const
  const options = { fast: flag, json: flag, write: flag, help: flag, only: { type: 'string' } } as const
  const { values } = parseArgs({ args: [...args], options })
  if (values.help === true) return undefined
  if (values.only !== undefined) new RegExp(values.only, 'i').test('')
  return {
    isFast: values.fast === true,
    isJson: values.json === true,
    writes: values.write === true,
    ...(values.only === undefined ? {} : { only: values.only }),
  }
}
