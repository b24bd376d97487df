import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A package as apt would download it now. */
export interface DebianPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
}

/** One paragraph of a control file: `Version`, `Depends`, ... */
export type ControlFields = ReadonlyMap<string, string>

const run = promisify(execFile)

/** The control fields of the version apt would download; rejects for a package apt does not know. */
export async function showPackage(name: string): Promise<ControlFields> {
  const { stdout } = await run('apt-cache', ['show', '--no-all-versions', '--', name])
  return parseControl(stdout)
}

/** The version of a package that apt would download; rejects for a package apt does not know. */
export async function findPackage(name: string): Promise<DebianPackage> {
  const fields = await showPackage(name)
  return { name, version: fields.get('Version') ?? '', architecture: fields.get('Architecture') ?? '' }
}

export async function refreshPackageLists(): Promise<void> {
  await run('apt-get', ['-q', 'update'])
}

/** Downloads packages into the folder `work` and unpacks them, uninstalled, into its folder `tree`, which it returns. */
export async function unpackPackages(packages: readonly DebianPackage[], work: string): Promise<string> {
  const specs = packages.map((one) => `${one.name}=${one.version}`)
  // Root's apt would drop to a user that may not write into our folder.
  await run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...specs], { cwd: work })
  const tree = join(work, 'tree')
  for (const file of readdirSync(work).filter((name) => name.endsWith('.deb')))
    await run('dpkg-deb', ['-x', join(work, file), tree])
  return tree
}

/** Single-line fields of the first paragraph (deb822); continuation lines are left out. */
export function parseControl(text: string): ControlFields {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '') break
    const [, key, value] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) fields.set(key, value)
  }
  return fields
}
