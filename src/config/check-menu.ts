import { MENU_KEYS, type MenuItem } from '../model/config.ts'
import type { Checked } from './places.ts'
import type { ConfigProblem, Path } from './source.ts'

/** Keys that the menu itself has; in a menu below it there are fewer. */
const OWN_KEYS = { top: ['l', 'i', 's', 'n', 'b', 'p'], below: ['b', 'l'] } as const

/** Names that must exist, keys that choose one entry alone, and passwords that anybody on the network can read. */
export function checkMenuEntries(checked: Checked): readonly ConfigProblem[] {
  const { config, incomplete } = checked
  const { items } = config.menu
  if (items === undefined || incomplete) return []
  const names = new Map<string, number>()
  return [...checkLevel(items, ['menu', 'entries'], 'top', { checked, names }), ...inClear(checked)]
}

interface Checking {
  readonly checked: Checked
  /** How often each name stands in the whole menu. */
  readonly names: Map<string, number>
}

function checkLevel(
  items: readonly MenuItem[],
  path: Path,
  level: keyof typeof OWN_KEYS,
  checking: Checking,
): readonly ConfigProblem[] {
  const taken = new Set<string>(OWN_KEYS[level])
  return items.flatMap((item, i) => {
    const at = [...path, i]
    const { key } = item
    const isTaken = key !== undefined && taken.has(key)
    if (key !== undefined) taken.add(key)
    const { root } = checking.checked
    return [
      ...(isTaken
        ? [root.problem([...at, 'key'], `the key ${key} chooses something else here already`)]
        : []),
      ...checkName(item, at, checking),
      ...(item.kind === 'submenu' ? checkLevel(item.items, [...at, 'entries'], 'below', checking) : []),
    ]
  })
}

function checkName(
  { kind, name }: MenuItem,
  at: Path,
  { checked, names }: Checking,
): readonly ConfigProblem[] {
  const { root, config } = checked
  const count = (names.get(name) ?? 0) + 1
  names.set(name, count)
  const key = kind === 'submenu' ? 'submenu' : 'profile'
  const say = (message: string): readonly ConfigProblem[] => [root.problem([...at, key], message)]
  if (count > 1) return say(`${name} is in the menu already`)
  const profile = config.profiles.get(name)
  if (kind === 'submenu')
    return profile === undefined && !MENU_KEYS.some((one) => one === name)
      ? []
      : say(`${name} is the name of ${profile === undefined ? "an entry of the menu's own" : 'a profile'}`)
  if (profile === undefined)
    return say(`there is no profile ${name}; there are ${[...config.profiles.keys()].join(', ')}`)
  return profile.install === undefined
    ? []
    : say(`${name} installs: it boots by command, never from the menu`)
}

/** iPXE sends what was typed as it is, wherever its script came over HTTP. */
function inClear({ config, root }: Checked): readonly ConfigProblem[] {
  const plain = config.networks.filter(({ https }) => !https.includes('scripts')).map(({ name }) => name)
  if (plain.length === 0) return []
  const message = `is sent over ${plain.join(', ')} as it is typed, for anybody there to read: https: [scripts] of a network ends that`
  return lockedPaths(config.menu.items ?? [], ['menu', 'entries']).map((path) =>
    root.problem([...path, 'password'], message, 'warning'),
  )
}

function lockedPaths(items: readonly MenuItem[], path: Path): readonly Path[] {
  return items.flatMap((item, i) => [
    ...(item.password === undefined ? [] : [[...path, i]]),
    ...(item.kind === 'submenu' ? lockedPaths(item.items, [...path, i, 'entries']) : []),
  ])
}
