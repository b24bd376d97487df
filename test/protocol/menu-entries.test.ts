/** The menu as a list of entries: menus in it, hidden ones, and those that need a password. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answerHttp } from '../../src/app/answer-http.ts'
import { explain, type Supposed } from '../../src/app/explain.ts'
import { loadConfig } from '../../src/app/load-config.ts'
import { takePicture } from '../../src/app/world.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { formatProblem } from '../../src/config/source.ts'
import { hashPassword, verifyPassword } from '../../src/files/password-hash.ts'
import type { HttpAnswer } from '../../src/model/http.ts'
import { renderTrace } from '../../src/render/trace.ts'
import { assertGolden } from '../helpers/golden.ts'
import { MemoryDisk, MemoryStore, running } from '../helpers/memory.ts'
import { ip, mac, NOW, STRANGER, world } from '../helpers/world.ts'

/** Of `correct horse`. */
const HASH = 'scrypt:16384:8:1:VLKot8UZ3JhRIAZwvD8wBg:r_vPm0Zx-0JPeUQO2j3K07SMgjbDGJwsQgEKDPYEsW8'
const FILE = '/etc/menu.yaml'
const HEAD = `version: 1
networks:
  - {name: provisioning, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199}
images: {live: {kernel: /srv/vmlinuz}}
profiles:
  worker: {image: live}
  memtest: {image: live, title: Memory test}
  wipe: {image: live, title: Wipe a disk}
  secret: {image: live, title: Nobody sees this}
  unlisted: {image: live}
`
const MENU = `menu:
  title: Centra boot
  entries:
    - {profile: worker, key: w}
    - submenu: tools
      title: Tools
      key: t
      entries:
        - {profile: memtest}
        - {profile: wipe, password: "${HASH}"}
    - {profile: secret, key: x, hidden: true}
`

function memoryDisk(): MemoryDisk {
  return new MemoryDisk({ [FILE]: HEAD + MENU, '/srv/vmlinuz': 'kernel', '/usr/lib/ipxe/undionly.kpxe': 'l' })
}

async function page(supposed: Partial<Supposed>): Promise<string> {
  const disk = memoryDisk()
  const { config, problems } = await loadConfig(FILE, disk)
  assert.ok(config, problems.map(formatProblem).join('\n'))
  const [network] = config.networks
  assert.ok(network)
  const asked: Supposed = {
    ...{ mac: STRANGER, arch: 'bios-x86', via: 'http', stage: 'ipxe', form: 'ipxe' },
    ...{ network, server: ip('10.77.0.1') },
    ...supposed,
  }
  const explanation = explain(asked, await takePicture(config, disk), NOW)
  return `${renderTrace(explanation)}\n${explanation.script === undefined ? '' : `\n${explanation.script}`}`
}

const PAGES: Readonly<Record<string, Partial<Supposed>>> = {
  menu: {},
  'menu-grub': { form: 'grub' },
  'menu-pxelinux': { form: 'pxelinux' },
  tools: { choice: 'tools' },
  'tools-grub': { choice: 'tools', form: 'grub' },
  'tools-pxelinux': { choice: 'tools', form: 'pxelinux' },
  secret: { choice: 'secret' },
  'wipe-asks': { choice: 'wipe' },
  'wipe-grub': { choice: 'wipe', form: 'grub' },
  unlisted: { choice: 'unlisted' },
}

describe('explanations', () => {
  for (const [name, supposed] of Object.entries(PAGES))
    test(name, async () => assertGolden(`menu/${name}.txt`, await page(supposed)))
})

interface Scene {
  /** What iPXE does with `http://menu:HEX@...`: it asks, is asked for a password, and asks again. */
  readonly type: (password: string | undefined, choice?: string, peer?: string) => Promise<HttpAnswer>
  readonly choose: (choice: string, peer?: string) => Promise<string>
  readonly told: () => string
  readonly wait: (milliseconds: number) => void
}

const OWN = '10.77.0.150'

async function scene(): Promise<Scene> {
  const disk = memoryDisk()
  const { config } = await loadConfig(FILE, disk)
  assert.ok(config)
  const store = new MemoryStore()
  const there = world().lease(OWN, STRANGER)
  const server = running(there, store)
  const state = { ...server.running, disk, picture: await takePicture(config, disk) }
  const get = (query: string, peer: string, authorization?: string): Promise<HttpAnswer> => {
    const request = {
      ...{ method: 'GET', path: `/boot/${STRANGER.replaceAll(':', '-')}.ipxe`, peer },
      query: new URLSearchParams(query),
      ...(authorization === undefined ? {} : { authorization }),
      readBody: async () => '',
    }
    return answerHttp(request, server.on, state, () => ({ version: '0', items: [], foreign: [] }))
  }
  return {
    type: (password, choice = 'wipe', peer = OWN) => {
      const basic =
        password === undefined ? undefined : `Basic ${btoa(`menu:${Buffer.from(password).toString('hex')}`)}`
      return get(`choice=${choice}&unlock=yes`, peer, basic)
    },
    choose: async (choice, peer = OWN) => bodyOf(await get(`choice=${choice}`, peer)),
    told: () => JSON.stringify(store.events),
    wait: (milliseconds) => {
      there.after(milliseconds)
    },
  }
}

function bodyOf(answer: HttpAnswer): string {
  assert.ok(answer.kind === 'text')
  return answer.body
}

const ASKS = /^item --key p type p\. Type the password/m
const BOOTS = /^kernel .* centra\.profile=wipe/m

describe('a password', () => {
  test('is asked for by 401, opens the entry for that machine at that address, and is told of nowhere', async () => {
    const { type, choose, told } = await scene()
    const asked = await type(undefined)
    assert.ok(asked.kind === 'text')
    assert.deepEqual([asked.status, asked.headers['WWW-Authenticate']], [401, 'Basic realm="Centra PXE"'])
    assert.match(await choose('wipe'), ASKS)
    assert.match(bodyOf(await type('correct horse')), BOOTS)
    // A queue, a warning and a second try ask again.
    assert.match(await choose('wipe'), BOOTS)
    assert.match(await choose('wipe', '10.77.0.151'), ASKS)
    const hex = Buffer.from('correct horse').toString('hex')
    for (const secret of ['correct horse', hex, btoa(`menu:${hex}`), HASH])
      assert.ok(!told().includes(secret), secret)
  })

  test('opens what it is for, for ten minutes after it was used last', async () => {
    const { type, choose, wait } = await scene()
    assert.match(bodyOf(await type('correct horse')), BOOTS)
    wait(590_000)
    assert.match(await choose('wipe'), BOOTS)
    wait(590_000)
    assert.match(await choose('wipe'), BOOTS)
    wait(610_000)
    assert.match(await choose('wipe'), ASKS)
  })

  test('that is wrong opens nothing; after five of one address none is looked at for half a minute', async () => {
    const { type, wait } = await scene()
    for (let i = 0; i < 5; i += 1)
      assert.match(bodyOf(await type(`wrong ${i}`)), /^item --gap -- The password was wrong\.$/m)
    const late = bodyOf(await type('correct horse'))
    assert.match(late, /The password was not looked at, since too many were tried/)
    assert.match(late, ASKS)
    assert.match(bodyOf(await type('correct horse', 'wipe', '10.77.0.151')), BOOTS)
    wait(31_000)
    assert.match(bodyOf(await type('correct horse')), BOOTS)
  })

  test('of nonsense is a wrong one', async () => {
    const { type } = await scene()
    for (const nonsense of ['', '\0', 'ä'.repeat(600)]) assert.match(bodyOf(await type(nonsense)), ASKS)
  })

  test('its hash is of that password alone, and each has another salt', async () => {
    const [one, other] = [await hashPassword('correct horse'), await hashPassword('correct horse')]
    assert.notEqual(one, other)
    assert.deepEqual(
      await Promise.all(
        [one, other, HASH].flatMap((hash) => [
          verifyPassword(hash, 'correct horse'),
          verifyPassword(hash, 'correct horsf'),
        ]),
      ),
      [true, false, true, false, true, false],
    )
    assert.equal(await verifyPassword('nonsense', ''), false)
  })
})

describe('what is wrong in a menu is told at its place', () => {
  const rows: readonly (readonly [string, string | RegExp])[] = [
    [
      '[{profile: worker, key: l}]',
      '11:41: menu.entries[0].key: the key l chooses something else here already',
    ],
    [
      '[{profile: worker, key: w}, {profile: wipe, key: w}]',
      '11:66: menu.entries[1].key: the key w chooses something else here already',
    ],
    [
      '[{profile: nobody}]',
      /11:28: menu\.entries\[0\]\.profile: there is no profile nobody; there are control-plane,/,
    ],
    [
      '[{profile: worker}, {profile: worker}]',
      '11:47: menu.entries[1].profile: worker is in the menu already',
    ],
    [
      '[{submenu: worker, title: T, entries: [{profile: wipe}]}]',
      '11:28: menu.entries[0].submenu: worker is the name of a profile',
    ],
    [
      '[{submenu: shell, title: T, entries: [{profile: wipe}]}]',
      "11:28: menu.entries[0].submenu: shell is the name of an entry of the menu's own",
    ],
    ['[{submenu: t, title: T, entries: []}]', /menu\.entries\[0\]\.entries: expected an entry/],
    [
      '[{profile: worker, hidden: true}]',
      /menu\.entries\[0\]: is hidden and has no key: nobody could choose it/,
    ],
    [
      '[{profile: worker, password: hunter22}]',
      /: menu\.entries\[0\]\.password: expected what centra-pxe menu password prints, never/,
    ],
    [
      "[{profile: worker}, {submenu: t, title: it's, entries: [{profile: wipe}]}]",
      '11:57: menu.entries[1].title: cannot be shown on a machine: it has a single quote, which GRUB cannot show',
    ],
    ['[{submenu: t, title: T}]', '11:18: menu.entries[0].entries: is missing: expected a list of entries'],
    [
      '[{profile: worker, titel: T}]',
      '11:36: menu.entries[0].titel: there is no such key; look for a typing error, or remove it',
    ],
    [
      '[{submenu: t, title: T, entries: [{profile: wipe}, {submenu: u, title: U, entries: [{profile: worker, key: AB}]}]}]',
      /menu\.entries\[0\]\.entries\[1\]\.entries\[0\]\.key: expected one lower-case letter or digit/,
    ],
    ['[worker]', /menu\.entries\[0\]: expected an entry with profile:, or with submenu:/],
  ]
  for (const [entries, expected] of rows)
    test(entries, () => {
      const text = `${HEAD}menu: {entries: ${entries}}\n`
      const errors = resolveConfig({ file: FILE, text }, [])
        .problems.filter(({ severity }) => severity === 'error')
        .map(formatProblem)
      assert.equal(errors.length, 1, errors.join('\n'))
      if (typeof expected === 'string') assert.equal(errors[0], `${FILE}:${expected}`)
      else assert.match(errors[0] ?? '', expected)
    })

  test('a password that is sent in clear is a warning; over HTTPS it is none', () => {
    const warned = (text: string): readonly string[] =>
      resolveConfig({ file: FILE, text }, [])
        .problems.map(formatProblem)
        .filter((line) => line.includes('password'))
    assert.deepEqual(warned(HEAD + MENU), [
      `${FILE}:20:37: menu.entries[1].entries[1].password: warning: is sent over provisioning as it is typed, for anybody there to read: https: [scripts] of a network ends that`,
    ])
    const secure = `${HEAD.replace('dhcp: server,', 'dhcp: server, https: [scripts],')}${MENU}server: {boot: {https: {certificate: /c.pem, key: /k.pem}}}\n`
    assert.deepEqual(warned(secure), [])
  })
})

test('the default that needs a password is the local disk: nobody is there to type it', async () => {
  const disk = new MemoryDisk({
    [FILE]: `${HEAD}${MENU.replace('title: Centra boot', 'default: wipe')}`,
    '/srv/vmlinuz': 'kernel',
  })
  const { config } = await loadConfig(FILE, disk)
  const network = config?.networks[0]
  assert.ok(config && network)
  const there = { network, server: ip('10.77.0.1'), mac: mac('52:54:00:00:00:77') }
  const asked = { ...there, arch: 'bios-x86', via: 'http', stage: 'ipxe', form: 'ipxe' } as const
  assert.match(explain(asked, await takePicture(config, disk), NOW).script ?? '', /--default local choice/)
})
