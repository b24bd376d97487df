import { type Menu, type MenuItem, RESCUE_PROFILE } from '../model/config.ts'
import type { MenuEntry } from '../model/script.ts'
import type { World } from '../model/world.ts'
import { hasImage, menuEntry, menuProfiles } from './scripts.ts'

/** A password on the way to an entry. */
export interface Guard {
  /** The name of the entry that has it. */
  readonly lock: string
  readonly password: string
}

/** The items from the menu to the entry of that name, itself the last; undefined where the menu has none. */
export function pathTo(items: readonly MenuItem[], name: string): readonly MenuItem[] | undefined {
  for (const item of items) {
    if (item.name === name) return [item]
    const below = item.kind === 'submenu' ? pathTo(item.items, name) : undefined
    if (below !== undefined) return [item, ...below]
  }
  return undefined
}

/** The passwords that an entry needs, the outermost first; none where it is not in the menu. */
export function guardsOf({ items = [] }: Pick<Menu, 'items'>, name: string): readonly Guard[] {
  return (pathTo(items, name) ?? []).flatMap((item) =>
    item.password === undefined ? [] : [{ lock: item.name, password: item.password }],
  )
}

/** What a menu shows: entries whose image is on disk, with a submenu only where something is in it. */
export function shownEntries(items: readonly MenuItem[], world: World): readonly MenuEntry[] {
  return items.flatMap((item): readonly MenuEntry[] => {
    const extra = {
      ...(item.key === undefined ? {} : { shortcut: item.key }),
      ...(item.hidden === true ? { hidden: true as const } : {}),
      ...(item.password === undefined ? {} : { locked: true as const }),
    }
    if (item.kind === 'submenu')
      return shownEntries(item.items, world).length === 0
        ? []
        : [{ key: item.name, title: item.title, ...extra }]
    const profile = world.config.profiles.get(item.name)
    if (profile === undefined || !isBootable(item.name, world)) return []
    return [{ ...menuEntry(profile), ...(item.title === undefined ? {} : { title: item.title }), ...extra }]
  })
}

/** Whether the menu may boot a profile: it has an image, and does not install. */
function isBootable(name: string, world: World): boolean {
  return hasImage(name, world) && world.config.profiles.get(name)?.install === undefined
}

/** The entries of the menu itself, and the rescue system in its own place where no list says otherwise. */
export function topEntries(world: World): {
  readonly profiles: readonly MenuEntry[]
  readonly rescue?: MenuEntry
} {
  const { menu, profiles } = world.config
  if (menu.items !== undefined) return { profiles: shownEntries(menu.items, world) }
  return {
    profiles: menuProfiles(world),
    rescue: menuEntry(profiles.get(RESCUE_PROFILE) ?? { name: RESCUE_PROFILE, title: 'Rescue' }),
  }
}
