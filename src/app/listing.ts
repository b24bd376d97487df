import type { HttpAnswer, HttpRequest } from '../model/http.ts'
import { imageFiles } from '../model/image.ts'
import type { ImageFile } from '../model/world.ts'
import type { Running } from './running.ts'

interface Entry {
  readonly name: string
  /** Relative to the listing. */
  readonly href: string
  /** In octets. */
  readonly size?: number
  readonly sha256?: string
}

/** What is published below `images/`, `images/NAME/` or `firmware/`; undefined where nothing is listed. */
export function listing(
  parts: readonly string[],
  { query, accept = '' }: HttpRequest,
  { picture }: Pick<Running, 'picture'>,
): HttpAnswer | undefined {
  if (!picture.config.server.listing) return undefined
  const entries = entriesOf(parts, picture)
  if (entries === undefined) return undefined
  const isJson = query.get('format') === 'json' || /\bapplication\/json\b/i.test(accept)
  return {
    ...{ kind: 'text', status: 200 },
    headers: {
      'Content-Type': isJson ? 'application/json' : 'text/html; charset=utf-8',
      'Cache-Control': 'no-cache',
      Vary: 'Accept',
    },
    body: isJson ? `${JSON.stringify({ entries })}\n` : page(`/${parts.join('/')}`, entries),
  }
}

function entriesOf(
  [first, ...rest]: readonly string[],
  { firmware, images }: Running['picture'],
): readonly Entry[] | undefined {
  if (rest.at(-1) !== '') return undefined
  if (first === 'firmware' && rest.length === 1)
    return sorted([...firmware.values()].map(({ name, size }) => ({ name, href: name, size })))
  if (first !== 'images') return undefined
  if (rest.length === 1) return sorted([...images.keys()].map((name) => ({ name, href: `${name}/` })))
  const found = rest.length === 2 ? images.get(rest[0] ?? '') : undefined
  return found === undefined ? undefined : imageFiles(found).map(entryOf)
}

function entryOf({ name, size, sha256 }: ImageFile): Entry {
  return { name, href: `${sha256}/${name}`, size, sha256 }
}

function sorted(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

function page(path: string, entries: readonly Entry[]): string {
  const rows = entries.map(({ name, href, size }) => {
    const link = `<a href="${escaped(encodeURI(href))}">${escaped(name)}</a>`
    return `<tr><td>${link}</td><td>${size ?? ''}</td></tr>`
  })
  const title = escaped(path)
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>`,
    `<body><h1>${title}</h1><table>`,
    ...rows,
    '</table></body></html>',
    '',
  ].join('\n')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
