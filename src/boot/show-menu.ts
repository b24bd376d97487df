import type { Mac } from '../lib/mac.ts'
import type { SubmenuItem } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { Script } from '../model/script.ts'
import type { World } from '../model/world.ts'
import type { Action, BootRequest } from './decision.ts'
import { guardsOf, pathTo, shownEntries, topEntries } from './menu.ts'
import { nodePlane } from './node-plane.ts'
import { hasImage } from './scripts.ts'

interface Choosing {
  readonly mac: Mac
  readonly world: World
  readonly steps: Step[]
}

/** The menu itself, or one below it. */
export function showMenu(request: BootRequest, client: Mac, world: World, below?: SubmenuItem): Action {
  const { menu, profiles } = world.config
  const isLocked = guardsOf(menu, menu.default).length > 0
  const boots =
    hasImage(menu.default, world) && profiles.get(menu.default)?.install === undefined && !isLocked
  const kind = 'menu'
  const { timeoutSeconds } = menu
  const common = { kind, server: nodePlane(request.ingress, world.config), client, timeoutSeconds } as const
  return below === undefined
    ? script({
        ...{ ...common, ...topEntries(world), title: menu.title },
        default: boots ? menu.default : 'local',
      })
    : script({
        ...{ ...common, profiles: shownEntries(below.items, world), title: below.title },
        ...{ default: 'menu', isBelow: true },
      })
}

/** What a list of entries says of a choice: that it is none, a password that is missing, a menu below; undefined: to be booted. */
export function byTheList(
  request: BootRequest,
  choice: string,
  { mac, world, steps }: Choosing,
): Action | undefined {
  const { menu } = world.config
  if (menu.items === undefined) return undefined
  const path = pathTo(menu.items, choice)
  const server = nodePlane(request.ingress, world.config)
  if (path === undefined) {
    if (choice === menu.default) return undefined
    const lines = [`${choice} is not in this menu.`]
    return script({ kind: 'page', server, client: mac, title: menu.title, lines })
  }
  const shut = guardsOf(menu, choice).find(({ lock }) => world.menuAccess?.opened(lock) !== true)
  if (shut !== undefined) return askPassword(request, { choice, lock: shut.lock, mac }, world, steps)
  if (guardsOf(menu, choice).length > 0)
    steps.push({ rule: 'menu.password', outcome: `${choice}: given, for ten minutes`, from: 'state' })
  const last = path.at(-1)
  return last?.kind === 'submenu' ? showMenu(request, mac, world, last) : undefined
}

function askPassword(
  { client, ingress }: BootRequest,
  { choice, lock, mac }: { readonly choice: string; readonly lock: string; readonly mac: Mac },
  world: World,
  steps: Step[],
): Action {
  const refused = world.menuAccess?.refused
  const how = ingress.secure === true ? 'over HTTPS' : 'in clear: the scripts come over HTTP'
  const found = refused === undefined ? 'not given yet' : REFUSED[refused]
  steps.push({ rule: 'menu.password', outcome: `${lock} needs one, ${found}; sent ${how}`, from: 'state' })
  const server = nodePlane(ingress, world.config)
  const title = menuTitleOf(lock, world)
  if (client.loader !== undefined)
    return script({
      ...{ kind: 'page', server, client: mac, title },
      lines: ['This needs a password, which this loader cannot ask for.', 'Load iPXE instead.'],
    })
  return script({
    ...{ kind: 'password', server, client: mac, entry: { key: choice, title } },
    lines: [
      ...(refused === undefined ? [] : [`The password was ${REFUSED[refused]}.`]),
      ...(ingress.secure === true ? [] : ['It is sent in clear: others on this network can read it.']),
    ],
  })
}

const REFUSED = {
  wrong: 'wrong',
  'too-many': 'not looked at, since too many were tried: wait a minute',
} as const

function menuTitleOf(name: string, { config }: World): string {
  const item = pathTo(config.menu.items ?? [], name)?.at(-1)
  return item?.title ?? config.profiles.get(name)?.title ?? name
}

function script(value: Script): Action {
  return { kind: 'script', script: value }
}
