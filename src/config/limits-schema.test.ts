import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TFTP_LIMITS } from '../model/tftp-limits.ts'
import { resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

function read(text: string): ReturnType<typeof resolveConfig> {
  return resolveConfig({ file: '/c/x.yaml', text }, [])
}

function problems(text: string): readonly string[] {
  return read(text).problems.map(formatProblem)
}

const http = (keys: string): string => `version: 1\nserver:\n  limits:\n    http: { ${keys} }\n`

test('sizes and times have units', () => {
  const { config } = read(http('cache: 2GiB, headers: 5s, stall: 1m, minRate: 800kbit/s, transfers: 10'))
  assert.ok(config)
  const { cache, headers, stall, minRate, transfers, waiting } = config.server.limits.http
  assert.deepEqual([cache, headers, stall, minRate, transfers, waiting], [2 ** 31, 5, 60, 100_000, 10, 2048])
  assert.equal(read(http('cache: 0')).config?.server.limits.http.cache, 0)
})

for (const [keys, expected] of [
  ['cache: 5', /:4:\d+: server\.limits\.http\.cache: expected 0 or a size such as 256MiB/],
  ['cache: 5 MB', /:4:\d+: server\.limits\.http\.cache: expected a size such as 16KiB or 256MiB, got "5 MB"/],
  ['cache: 1MiB', /:4:\d+: server\.limits\.http\.cache: expected a size from 8MiB to 1TiB, got "1MiB"/],
  ['minRate: 16KiB', /:4:\d+: .*minRate: expected a rate such as 100MB\/s or 800Mbit\/s, got "16KiB"/],
  ['stall: 30', /:4:\d+: .*stall: expected a duration such as 30s/],
  ['stall: 1s', /:4:\d+: .*stall: expected a duration from 5s to 1h/],
  ['transfers: 0', /:4:\d+: .*transfers: expected a number above 0/],
  ['transfer: 5', /:4:\d+: .*transfer/],
] as const)
  test(`${keys} is refused where it stands`, () => {
    const problem = problems(http(keys)).join('\n')
    assert.match(problem, expected)
  })

test('rates of a network', () => {
  const network = (keys: string): string =>
    `version: 1\nnetworks:\n  - { name: n, interface: e, subnet: 10.0.0.0/24, ${keys} }\n`
  const [found] = read(network('rate: 8Gbit/s, clientRate: 100MB/s')).config?.networks ?? []
  assert.deepEqual([found?.rate, found?.clientRate], [1e9, 1e8])
  assert.match(problems(network('rate: 100')).join(), /:3:\d+: networks\[0\]\.rate: expected a rate such as/)
  assert.match(problems(network('clientRate: 1B/s')).join(), /clientRate: expected a rate from 10kB\/s/)
})

const tftp = (keys: string): string => `version: 1\nserver:\n  limits:\n    tftp: { ${keys} }\n`

test('limits of TFTP have their units, and defaults where they are not written', () => {
  const { config } = read(tftp('transfers: 100, perClient: 4, timeout: 2s, fileSize: 64MiB'))
  assert.deepEqual(config?.server.limits.tftp, {
    ...DEFAULT_TFTP_LIMITS,
    ...{ transfers: 100, perClient: 4, timeout: 2, fileSize: 64 * 2 ** 20 },
  })
  assert.deepEqual(read('version: 1\n').config?.server.limits.tftp, DEFAULT_TFTP_LIMITS)
})

for (const [keys, expected] of [
  ['transfers: 5', /:4:\d+: server\.limits\.tftp\.transfers: expected a whole number from 16 to 20000/],
  ['perClient: 0', /:4:\d+: .*perClient: expected a whole number from 1 to 1000/],
  ['windowsize: 100', /:4:\d+: .*windowsize: expected a whole number from 1 to 64/],
  ['blksize: "1468"', /:4:\d+: .*blksize: expected a whole number from 512 to 65464/],
  ['timeout: 1', /:4:\d+: .*timeout: expected a duration such as 30s/],
  ['timeout: 1m', /:4:\d+: .*timeout: expected a duration from 1s to 10s/],
  ['retries: 1.5', /:4:\d+: .*retries: expected a whole number from 1 to 20/],
  ['fileSize: 64', /:4:\d+: .*fileSize: expected a size such as 16KiB or 256MiB/],
  ['window: 4', /:4:\d+: .*window/],
] as const)
  test(`tftp ${keys} is refused where it stands`, () => {
    assert.match(problems(tftp(keys)).join('\n'), expected)
  })
