import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { CpioEntry } from '../lab/cpio.ts'
import { MORE_LIBRARIES, type Tool } from './contents.ts'
import { readElfNeeds } from './elf.ts'

const PROGRAM_FOLDERS = ['bin', 'sbin', 'usr/bin', 'usr/sbin']
const LIBRARY_FOLDERS = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib', 'usr/lib']

/**
 * The files of the tools in a tree of unpacked packages, where they go in the image: programs in `bin`, everything below
 * /lib or /usr/lib in `lib`, and in `lib` the libraries that programs need, and those that these need. Throws with the
 * name of what is not in the tree, and of who wants it.
 */
export function toolFiles(tree: string, tools: readonly Tool[]): readonly CpioEntry[] {
  const programs = tools.flatMap((tool) =>
    tool.programs.map((name) => ({
      path: `bin/${name}`,
      ...find(tree, PROGRAM_FOLDERS, name, tool.package),
    })),
  )
  const files = tools.flatMap((tool) =>
    (tool.files ?? []).map((name) => ({
      path: name.replace(/^\/(usr\/)?/, ''),
      ...find(tree, ['.', 'usr'], name.replace(/^\/(usr\/)?/, ''), tool.package),
    })),
  )
  const links = tools.flatMap(({ links: names = {} }) =>
    Object.entries(names).map(
      ([name, target]): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target }),
    ),
  )
  const found = [...programs, ...files]
  return [...found.map(({ path, data }) => fileEntry(path, data)), ...links, ...libraries(tree, found)]
}

interface Found {
  readonly path: string
  readonly data: Uint8Array
}

function libraries(tree: string, wanting: readonly Found[]): readonly CpioEntry[] {
  const all = new Map<string, Uint8Array>()
  const queue = [...wanting]
  const want = (name: string, by: string): void => {
    if (all.has(name)) return
    const { data } = find(tree, LIBRARY_FOLDERS, name, by)
    all.set(name, data)
    queue.push({ path: `lib/${name}`, data })
  }
  for (const name of MORE_LIBRARIES) want(name, 'every program')
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const needs = readElfNeeds(next.data)
    if (needs?.interpreter !== undefined) want(basename(needs.interpreter), next.path)
    for (const name of needs?.libraries ?? []) want(name, next.path)
  }
  return [...all].map(([name, data]) => fileEntry(`lib/${name}`, data))
}

function fileEntry(path: string, data: Uint8Array): CpioEntry {
  return { kind: 'file', path, mode: readElfNeeds(data) === undefined ? 0o644 : 0o755, data }
}

/** A link that leaves the tree is not followed: what it leads to is of this machine. */
function find(
  tree: string,
  folders: readonly string[],
  name: string,
  by: string,
): { readonly data: Uint8Array } {
  const path = folders.map((folder) => join(tree, folder, name)).find((one) => existsSync(one))
  if (path === undefined) throw new Error(`${name}, which ${by} needs, is in none of the unpacked packages`)
  if (!realpathSync(path).startsWith(`${realpathSync(tree)}/`))
    throw new Error(`${name} of ${by} is a link out of the unpacked packages`)
  return { data: readFileSync(path) }
}
