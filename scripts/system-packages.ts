import { ensureSystemPackages, PACKAGE_SETS, type PackageSet } from '../src/lab/packages.ts'

const name = process.argv[2] ?? ''
const set = PACKAGE_SETS.find((known): known is PackageSet => known === name)
if (set === undefined) {
  process.stderr.write(`usage: system-packages.ts ${PACKAGE_SETS.join('|')}\n`)
  process.exitCode = 2
} else {
  process.exitCode = ensureSystemPackages(set, {
    mayInstall: process.env['CENTRA_NO_INSTALL'] !== '1',
    isRoot: process.getuid?.() === 0,
    say: (line) => process.stderr.write(`centra-pxe: ${line}\n`),
  })
}
