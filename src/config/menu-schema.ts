import { z } from 'zod'
import type { Menu, MenuItem } from '../model/config.ts'
import { duration, NameSchema, screenText } from './shapes.ts'

/** `scrypt:N:r:p:SALT:HASH`: what a guess costs is bounded, so that no hash can stop the server. */
const PASSWORD_HASH =
  /^scrypt:(4096|8192|16384|32768|65536):(8|16):[12]:[A-Za-z0-9_-]{16,64}:[A-Za-z0-9_-]{43}$/

const name = NameSchema
const common = {
  key: z
    .string('expected a key such as w')
    .regex(/^[a-z0-9]$/, 'expected one lower-case letter or digit')
    .optional()
    .describe('The key that chooses it; default: digits in the order of the entries'),
  hidden: z.literal(true, 'expected true').optional().describe('Not shown: its key alone chooses it'),
  password: z
    .string('expected what centra-pxe menu password prints')
    .regex(PASSWORD_HASH, 'expected what centra-pxe menu password prints, never the password itself')
    .optional()
    .describe('The hash of a password that has to be given, as centra-pxe menu password prints it'),
}

const ProfileItemSchema = z.strictObject({
  profile: name.describe('The profile that it boots'),
  title: screenText.optional().describe("Its line; default: the profile's title"),
  ...common,
})

/** Below the menu itself. */
const MOST_LEVELS = 3

type Item = z.infer<typeof ProfileItemSchema> | SubmenuItem
interface SubmenuItem {
  readonly submenu: string
  readonly title: string
  readonly entries: readonly Item[]
  readonly key?: string | undefined
  readonly hidden?: true | undefined
  readonly password?: string | undefined
}

function itemSchema(levels: number): z.ZodType<Item> {
  const own = ProfileItemSchema.refine(hasKey, HIDDEN)
  if (levels === 0) return own
  const submenu = z
    .strictObject({
      submenu: name.describe('Its name, unlike that of any profile'),
      title: screenText.describe('Its line, and the first line of what it opens'),
      entries: z
        .array(itemSchema(levels - 1), 'expected a list of entries')
        .min(1, 'expected an entry')
        .describe('What it offers, in this order'),
      ...common,
    })
    .refine(hasKey, HIDDEN)
  return z.union([own, submenu], {
    error: ({ input }) =>
      typeof input === 'object' && input !== null && ('profile' in input || 'submenu' in input)
        ? undefined
        : 'expected an entry with profile:, or with submenu:, title: and entries:',
  })
}

const HIDDEN = 'is hidden and has no key: nobody could choose it'

function hasKey({ hidden, key }: { hidden?: true | undefined; key?: string | undefined }): boolean {
  return hidden !== true || key !== undefined
}

const WrittenMenu = z.strictObject({
  title: screenText.default('Centra PXE').describe("The menu's first line"),
  timeout: duration('1s', '1d').prefault('30s').describe('How long the menu waits for a key'),
  default: name.default('local').describe('What the menu does when nobody chooses: local, or a profile'),
  entries: z
    .array(itemSchema(MOST_LEVELS), 'expected a list of entries')
    .optional()
    .describe(
      'What the menu offers, in this order, with menus in it; default: every profile that has an image',
    ),
})

/** The menu as it is written, and as it is. */
export const MenuSchema = WrittenMenu.transform(resolveMenu)

function resolveMenu({ title, timeout, default: preset, entries }: z.infer<typeof WrittenMenu>): Menu {
  return {
    ...{ title, timeoutSeconds: timeout, default: preset },
    ...(entries === undefined ? {} : { items: entries.map(resolveItem) }),
  }
}

function resolveItem(item: Item): MenuItem {
  const { key, hidden, password } = item
  const extra = {
    ...(key === undefined ? {} : { key }),
    ...(hidden === undefined ? {} : { hidden }),
    ...(password === undefined ? {} : { password }),
  }
  if ('submenu' in item)
    return {
      ...{ kind: 'submenu', name: item.submenu, title: item.title, ...extra },
      items: item.entries.map(resolveItem),
    }
  return {
    ...{ kind: 'profile', name: item.profile, ...extra },
    ...(item.title === undefined ? {} : { title: item.title }),
  }
}
