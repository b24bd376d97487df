import type { ModuleInfo } from '../lab/modinfo.ts'

/** What busybox's modprobe reads (modules.dep(5)): files relative to the folder of the kernel release. */
export interface ModuleIndex {
  /** `modules.dep`: each module's file, then all that it needs, what is loaded last first. */
  readonly dep: string
  /** `modules.alias`: patterns that hardware and the kernel ask by. */
  readonly alias: string
}

/** The index of modules that lie in one folder as `NAME.ko`. Those that are not among them count as built in. */
export function moduleIndex(modules: readonly ModuleInfo[]): ModuleIndex {
  const byName = new Map(modules.map((one) => [one.name, one]))
  const dep = modules.map(({ name }) => {
    const needed = [...needs(name, byName)].reverse().map((other) => ` ${other}.ko`)
    return `${name}.ko:${needed.join('')}\n`
  })
  const alias = modules.flatMap(({ name, aliases }) => aliases.map((pattern) => `alias ${pattern} ${name}\n`))
  return { dep: dep.join(''), alias: alias.join('') }
}

/** All that a module needs, what is loaded first first. */
function needs(name: string, byName: ReadonlyMap<string, ModuleInfo>): ReadonlySet<string> {
  const found = new Set<string>()
  const visited = new Set([name])
  const visit = (module: ModuleInfo | undefined): void => {
    for (const other of [...(module?.softDepends ?? []), ...(module?.depends ?? [])]) {
      if (visited.has(other) || !byName.has(other)) continue
      visited.add(other)
      visit(byName.get(other))
      found.add(other)
    }
  }
  visit(byName.get(name))
  return found
}
