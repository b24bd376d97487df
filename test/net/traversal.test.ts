import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  lchownSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { readSources } from '../../src/cli/image-sources.ts'
import { LoaderNameSchema } from '../../src/config/loader-schema.ts'
import { NameSchema } from '../../src/config/shapes.ts'
import { FILE_NAME } from '../../src/model/names.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, eventually, makeSite, type Running, serve } from '../helpers/server.ts'
import { NAIVE, traversalCases } from '../helpers/traversal.ts'
import type { Answered, Asked } from '../helpers/traversal-client.ts'

/**
 * Criterion S-06: no octet from outside the store. Canaries lie wherever a way out could lead; the corpus goes onto the wire as it
 * is, over TFTP and below every prefix of the HTTP plane.
 */
const options = { timeout: 180_000 }
const CANARY = `canary-${randomBytes(16).toString('hex')}`
const SITE = '/run/site'
const STRANGER = 1234
const CLIENT = path.join(import.meta.dirname, '../helpers/traversal-client.ts')
const CASES = traversalCases({ dir: SITE })
const PREFIXES = ['/', '/firmware/', '/images/', '/images/stored/', '/boot/', '/v1/report/']
/** Of /etc/passwd, of /proc/PID/environ and cmdline, and ours. */
const LEAKS = [CANARY, 'root:x:0:0', 'PATH=/', 'CENTRA_CANARY', 'stateDir:']

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.60/24', host: client },
  )
  const site = makeSite(SITE, (config) => `# ${CANARY}\n${config}`)
  const folders = ['state', 'firmware/sub', 'firmware-old', 'nothing', 'images/sub']
  for (const folder of folders) mkdirSync(`${SITE}/${folder}`, { recursive: true })
  const canaries = [
    ...[
      '/run/canary.txt',
      `${SITE}/canary.txt`,
      `${SITE}/state/canary.txt`,
      `${SITE}/firmware-old/canary.txt`,
    ],
    ...[`${SITE}/firmware/secret`, `${SITE}/firmware/.hidden`, `${SITE}/firmware/sub/secret`],
    ...[`${SITE}/firmware/snponly.efi~`, `${SITE}/firmware/snponly.efi.bak`, `${SITE}/images/secret`],
    ...[`${SITE}/images/sub/secret`],
  ]
  for (const file of canaries) writeFileSync(file, CANARY)
  symlinkSync('/run/canary.txt', `${SITE}/firmware/link`)
  symlinkSync('/run', `${SITE}/firmware/linked`)
  // Not root, who may have linked the distribution's loaders there.
  symlinkSync('/run/canary.txt', `${SITE}/firmware/ipxe.efi`)
  lchownSync(`${SITE}/firmware/ipxe.efi`, STRANGER, STRANGER)
  /** The second image has not been asked for when its file is exchanged: nothing of it is in memory. */
  const [stored, fresh] = [Buffer.alloc(CANARY.length, 'k'), Buffer.alloc(CANARY.length, 'f')]
  const sha256 = createHash('sha256').update(fresh).digest('hex')
  const store = `${site.stateDir}/images`
  let server: Running

  const ask = async (asked: readonly Asked[]): Promise<readonly Answered[]> => {
    const inside = [`--net=/run/netns/${client.name}`, '--', process.execPath, CLIENT, '10.77.0.1', '8080']
    const child = spawn('nsenter', inside, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdin.end(JSON.stringify(asked))
    return JSON.parse(await text(child.stdout))
  }
  const requestFor = (target: string, method = 'GET'): string =>
    `${method} ${target} HTTP/1.1\r\nHost: 10.77.0.1\r\nConnection: close\r\n\r\n`
  const leaksOf = (answer: string): readonly string[] => LEAKS.filter((leak) => answer.includes(leak))

  test('the server starts; an image is stored, then a link planted in its place', options, async () => {
    process.env['CENTRA_CANARY'] = CANARY
    for (const [name, bytes] of Object.entries({ stored, fresh })) {
      writeFileSync('/run/kernel', bytes)
      const added = await centra('image', 'add', name, '--kernel', '/run/kernel', '--config', site.config)
      assert.equal(added.code, 0, added.stderr)
    }
    server = await serve(site, '--log', 'json')
    writeFileSync(`${store}/files/canary`, CANARY)
    symlinkSync('/run/canary.txt', `${store}/files/${'0'.repeat(64)}`)
    const [before = ''] = await ask([{ via: 'http', request: requestFor('/images/stored/kernel') }])
    assert.match(before, /^HTTP\/1\.1 200 /)
  })

  test(`S-06: there are 500 names, and naive servers serve some of them`, options, () => {
    assert.ok(CASES.length >= 500, `${CASES.length}`)
    const served = Object.entries(NAIVE).map(([mistake, resolve]) => {
      const names = CASES.filter(({ name }) => {
        try {
          return leaksOf(beginningOf(resolve(`${SITE}/firmware`, name))).length > 0
        } catch {
          return false
        }
      })
      return { mistake, names: names.map(({ name }) => name) }
    })
    for (const { mistake, names } of served) assert.ok(names.length > 0, `no name shows: ${mistake}`)
    const all = new Set(served.flatMap(({ names }) => names))
    console.log(
      `# ${CASES.length} names; naive servers leak with ${all.size} of them: ${served.map(({ mistake, names }) => `${mistake} ${names.length}`).join(', ')}`,
    )
    assert.ok(all.size >= 150, `${all.size}`)
  })

  test('S-06: TFTP answers each with ERROR', options, async () => {
    const answers = await ask(CASES.map(({ name }) => ({ via: 'tftp', name })))
    for (const [i, { how, name }] of CASES.entries()) {
      const answer = answers[i] ?? ''
      const shown = `${how}: ${JSON.stringify(name)}: ${JSON.stringify(answer.slice(0, 80))}`
      assert.deepEqual(leaksOf(answer), [], shown)
      assert.equal(answer.slice(0, 2), '\0\x05', shown)
    }
  })

  for (const prefix of PREFIXES)
    test(
      `S-06: HTTP answers each below ${prefix} with 4xx, whatever the form of the target`,
      options,
      async () => {
        const forms: readonly (readonly [string, (name: string) => string])[] = [
          ['origin', (name) => prefix + name],
          ['absolute', (name) => `http://10.77.0.1:8080${prefix}${name}`],
        ]
        for (const [form, targetOf] of forms) {
          const answers = await ask(
            CASES.map(({ name }) => ({ via: 'http', request: requestFor(targetOf(name)) })),
          )
          for (const [i, { how, name }] of CASES.entries()) {
            const answer = answers[i] ?? ''
            const shown = `${form}, ${how}: ${JSON.stringify(name)}: ${JSON.stringify(answer.slice(0, 200))}`
            assert.deepEqual(leaksOf(answer), [], shown)
            const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) =>
              Number(status),
            )
            assert.ok(statuses.length > 0 && statuses.every((status) => status >= 400 && status < 500), shown)
          }
        }
      },
    )

  test('S-06: targets of no form at all, and names in headers', options, async () => {
    const targets = [
      '*',
      '/run/canary.txt',
      '..',
      '../lab.yaml',
      'file:///run/canary.txt',
      '10.77.0.1:69',
      '',
    ]
    const headers = ['X-Original-URL', 'X-Rewrite-URL', 'X-Accel-Redirect', 'X-Sendfile', 'Referer']
    const requests = [
      ...targets.map((target) => requestFor(target)),
      ...headers.map(
        (header) =>
          `GET /nothing HTTP/1.1\r\nHost: ../../lab.yaml\r\n${header}: /run/canary.txt\r\nConnection: close\r\n\r\n`,
      ),
      ...['PROPFIND', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'MOVE'].map((method) =>
        requestFor('/firmware/../lab.yaml', method),
      ),
    ]
    const answers = await ask(requests.map((request) => ({ via: 'http', request })))
    for (const [i, answer] of answers.entries()) {
      assert.deepEqual(leaksOf(answer), [], requests[i])
      assert.match(answer, /^HTTP\/1\.1 4\d\d /, requests[i])
    }
  })

  test(
    'S-06: a link in the firmware folder whose owner is not that of the file is not followed',
    options,
    async () => {
      const asked: readonly Asked[] = [
        { via: 'tftp', name: 'ipxe.efi' },
        { via: 'http', request: requestFor('/firmware/ipxe.efi') },
      ]
      for (const answer of await ask(asked)) {
        assert.deepEqual(leaksOf(answer), [])
        assert.ok(answer.startsWith('\0\x05') || answer.startsWith('HTTP/1.1 404 '), answer.slice(0, 80))
      }
    },
  )

  test("S-06: one of the operator's own is: distributions have them", options, async () => {
    rmSync(`${SITE}/firmware/snponly.efi`)
    writeFileSync('/run/elsewhere.efi', site.files['snponly.efi'])
    symlinkSync('/run/elsewhere.efi', `${SITE}/firmware/snponly.efi`)
    await eventually('the server looks at its folder', async () => {
      const [answer = ''] = await ask([{ via: 'http', request: requestFor('/firmware/snponly.efi') }])
      return answer.startsWith('HTTP/1.1 200') &&
        answer.includes(site.files['snponly.efi'].toString('latin1'))
        ? true
        : undefined
    })
  })

  test('S-06: a link planted in the place of a loader between two looks at its folder', options, async () => {
    rmSync(`${SITE}/firmware/undionly.kpxe`)
    symlinkSync('/run/canary.txt', `${SITE}/firmware/undionly.kpxe`)
    lchownSync(`${SITE}/firmware/undionly.kpxe`, STRANGER, STRANGER)
    for (let n = 0; n < 20; n += 1)
      for (const answer of await ask([
        { via: 'tftp', name: 'undionly.kpxe' },
        { via: 'http', request: requestFor('/firmware/undionly.kpxe') },
      ]))
        assert.deepEqual(leaksOf(answer), [])
  })

  test(
    'S-06: a link in the place of a file of the image store, before and after a look',
    options,
    async () => {
      for (const file of [`${store}/files/${sha256}`, `${store}/files`]) {
        renameSync(file, `${file}.away`)
        if (file.endsWith(sha256)) symlinkSync('/run/canary.txt', file)
        else {
          mkdirSync('/run/planted', { recursive: true })
          writeFileSync(`/run/planted/${sha256}`, CANARY)
          symlinkSync('/run/planted', file)
        }
        const targets = [`/images/fresh/${sha256}/kernel`, '/images/fresh/kernel']
        const answers = await ask(targets.map((target) => ({ via: 'http', request: requestFor(target) })))
        for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 (?:404|503) /)
        for (const answer of answers) assert.deepEqual(leaksOf(answer), [])
        rmSync(file)
        renameSync(`${file}.away`, file)
      }
    },
  )

  test('S-06: as names of images, of loaders, of profiles and as URLs of images: refused', options, () => {
    const wrong: string[] = []
    for (const { name } of CASES) {
      if (NameSchema.safeParse(name).success && !/^[a-z0-9-]+$/.test(name)) wrong.push(`image name ${name}`)
      if (LoaderNameSchema.safeParse(name).success && (!FILE_NAME.test(name) || name.includes('/')))
        wrong.push(`loader ${name}`)
      for (const url of [
        `file://${name}`,
        `https://u:p@10.0.0.1/${name}`,
        `ftp://h/${name}`,
        `unix:///${name}`,
      ]) {
        try {
          readSources({ url, sha256: ['0'.repeat(64)], maxSize: 1 }, store)
          wrong.push(url)
        } catch {}
      }
    }
    assert.deepEqual(wrong, [])
  })

  test(
    'S-06: a URL whose last part is no file name is refused; the rest keeps to its last part',
    options,
    () => {
      for (const { name } of CASES) {
        try {
          const [source] = readSources(
            { url: `https://mirror.example/${name}`, sha256: ['0'.repeat(64)], maxSize: 1 },
            store,
          )
          assert.match(source?.name ?? '', FILE_NAME, name)
        } catch (error) {
          assert.ok(error instanceof Error && error.name === 'CliError', `${name}: ${String(error)}`)
        }
      }
    },
  )

  test('the server lives, and found no fault of its own', options, async () => {
    const faults = server.stderr.split('\n').filter((line) => line.includes('"level":"error"'))
    // What was exchanged between two looks cannot be read: that is told.
    assert.deepEqual(
      faults.filter((line) => !line.includes('undionly.kpxe')),
      [],
    )
    assert.deepEqual(leaksOf(server.stderr), [])
    assert.deepEqual(await server.stop(), { code: 0, signal: null })
  })
})

/** Of what may have no end. */
function beginningOf(file: string): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const buffer = Buffer.alloc(65_536)
    return buffer.toString('latin1', 0, readSync(descriptor, buffer))
  } finally {
    closeSync(descriptor)
  }
}
