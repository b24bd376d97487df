import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { image, world } from '../../test/helpers/world.ts'
import type { HttpAnswer } from '../model/http.ts'
import { imageFiles } from '../model/image.ts'
import { listing } from './listing.ts'

function list(path: string, accept?: string, isOn = true): Extract<HttpAnswer, { kind: 'text' }> | undefined {
  const { picture } = running(world().labNodes(), new MemoryStore()).running
  const config = { ...picture.config, server: { ...picture.config.server, listing: isOn } }
  const [pathname = '', query] = path.split('?')
  const found = listing(
    pathname.slice(1).split('/'),
    {
      ...{ method: 'GET', path: pathname, query: new URLSearchParams(query), peer: '10.77.0.11' },
      ...(accept === undefined ? {} : { accept }),
      readBody: async () => '',
    },
    {
      picture: {
        ...picture,
        config,
        images: new Map([['debian-live', image('debian-live')]]),
        firmware: new Map([['a<b>&"c.efi', { name: 'a<b>&"c.efi', path: '/x', size: 7 }]]),
      },
    },
  )
  if (found === undefined) return undefined
  assert.ok(found.kind === 'text')
  return found
}

test('nothing is listed unless it is asked for in the configuration', () => {
  assert.equal(list('/images/', undefined, false), undefined)
})

test('published names with their immutable addresses, as HTML or JSON', () => {
  const [kernel] = imageFiles(image('debian-live'))
  assert.ok(kernel !== undefined)
  assert.match(list('/images/')?.body ?? '', /<a href="debian-live\/">debian-live<\/a>/)
  const html = list('/images/debian-live/')?.body ?? ''
  assert.ok(html.includes(`<a href="${kernel.sha256}/${kernel.name}">${kernel.name}</a>`), html)
  for (const found of [
    list('/images/debian-live/?format=json'),
    list('/images/debian-live/', 'application/json'),
  ]) {
    assert.equal(found?.headers['Content-Type'], 'application/json')
    const [first] = JSON.parse(found?.body ?? '').entries
    assert.deepEqual(first, {
      ...{ name: kernel.name, href: `${kernel.sha256}/${kernel.name}`, size: kernel.size },
      sha256: kernel.sha256,
    })
  }
})

test('names are text, never markup', () => {
  const html = list('/firmware/')?.body ?? ''
  assert.ok(html.includes('<a href="a%3Cb%3E&amp;%22c.efi">a&lt;b&gt;&amp;&quot;c.efi</a>'), html)
})

test('what is not published has no listing', () => {
  for (const path of [
    '/images',
    '/images/other/',
    '/images/debian-live/x/',
    '/firmware/x/',
    '/',
    '/etc/',
    '/images/../',
  ])
    assert.equal(list(path), undefined, path)
})
