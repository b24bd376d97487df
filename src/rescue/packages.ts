import { type ControlFields, type DebianPackage, packageOf, showPackages } from '../lab/debian-packages.ts'
import { BUSYBOX_PACKAGE, showKernel } from '../lab/debian-tree.ts'
import { TOOLS } from './contents.ts'

/** What programs need, and no name that of a package that begins with lib brings. */
const LIBRARY_PACKAGES = ['libgcc-s1', 'zlib1g']

/** The kernel, the tools, and the libraries they depend on, as apt would download them now. */
export async function rescuePackages(): Promise<readonly DebianPackage[]> {
  const tools = await withLibraries([
    BUSYBOX_PACKAGE,
    ...LIBRARY_PACKAGES,
    ...TOOLS.map((tool) => tool.package),
  ])
  const all = [await showKernel(), ...tools]
  return all.sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function withLibraries(names: readonly string[]): Promise<readonly DebianPackage[]> {
  const found = new Map<string, DebianPackage>()
  let wanted = names
  while (wanted.length > 0) {
    const shown = await showPackages(wanted)
    for (const [name, fields] of shown) found.set(name, packageOf(fields))
    wanted = [...new Set([...shown.values()].flatMap(librariesOf))].filter((name) => !found.has(name))
  }
  return [...found.values()]
}

/** Packages called lib... of which this one says that it needs them; the first of alternatives, as apt would choose. */
export function librariesOf(fields: ControlFields): readonly string[] {
  return ['Pre-Depends', 'Depends']
    .flatMap((key) => (fields.get(key) ?? '').split(','))
    .map((text) => /^\s*([a-z0-9][a-z0-9+.-]+)/.exec(text)?.[1] ?? '')
    .filter((name) => name.startsWith('lib'))
}
