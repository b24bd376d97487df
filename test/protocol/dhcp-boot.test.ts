/** Conformance cases from octets to octets: what firmware and iPXE are told about booting. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex } from '../../src/lib/text.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import {
  CLIENT,
  decoded,
  from,
  hexOf,
  hexText,
  option,
  STRANGER,
  scene,
  withOptions,
} from '../helpers/worked-scene.ts'

test('E01, E02, E03, E04, E05, E06, E08: iPXE by whatever sign gets the URL of its script and nothing of PXE', async () => {
  const ipxe = hexText('iPXE')
  for (const [name, change] of Object.entries({
    E01: {},
    E02: { 77: '' },
    E03: { 175: '' },
    E04: { 175: '', 77: `04${ipxe}` },
    E05: { 175: '', 77: ipxe },
    E06: { 60: hexText('HTTPClient:Arch:00016:UNDI:003001') },
    E08: { 77: hexText('centra') },
  })) {
    const reply = await scene().send(withOptions(decoded('P9'), change))
    const url = 'http://192.0.2.2:8080/boot.ipxe'
    assert.equal(Buffer.from(option(reply, OPTION.bootFileName), 'hex').toString(), url, name)
    assert.equal(option(reply, 60) + option(reply, 43), '', name)
  }
})

test('E09: foreignIpxe: chain: our loader once, then the script; the next boot goes the same way', async () => {
  const { send, running, there, store } = scene({ foreignIpxe: 'chain' })
  const next = async (change = {}): Promise<string> =>
    Buffer.from(option(await send(withOptions(decoded('P9'), change)), 67), 'hex').toString()
  const [ours, script] = ['http://192.0.2.2:8080/firmware/ipxe.efi', 'http://192.0.2.2:8080/boot.ipxe']
  const event = (kind: 'http.done' | 'http.script', seconds: number): void =>
    running.loops.note({
      ...{ time: there.now + seconds * 1000, kind, mac: CLIENT },
      detail: kind === 'http.done' ? { file: 'ipxe.efi' } : { script: 'boot' },
    })
  const rom = await send(decoded('P9'))
  assert.deepEqual([option(rom, 60), option(rom, 43), option(rom, 175)], ['', '', 'b00101'])
  assert.equal(await next(), ours)
  event('http.done', 0)
  assert.equal(await next(), script, 'the iPXE that was fetched')
  event('http.script', 5)
  assert.equal(await next(), ours, 'the next boot')
  event('http.done', 10)
  there.after(130_000)
  assert.equal(await next(), ours, 'one that never came back, two minutes later')
  assert.equal(await next({ 77: hexText('centra') }), script)
  assert.equal(await next({ 77: hexText('centra'), 175: '' }), script)
  assert.deepEqual(store.leases, [])
})

test('OFFERs of E01 also name the URL in file and skip the wait for proxies', async () => {
  const reply = await scene().send(decoded('P9'))
  const file = Buffer.from(reply?.message.file ?? [])
    .toString('latin1')
    .replace(/\0+$/, '')
  assert.equal(file, 'http://192.0.2.2:8080/boot.ipxe')
  assert.equal(option(reply, 175), 'b00101')
})

test('E07: an iPXE without HTTP gets a whole iPXE over TFTP', async () => {
  const reply = await scene().send(withOptions(decoded('P9'), { 175: '150101', 93: '0000' }))
  assert.equal(Buffer.from(option(reply, 67), 'hex').toString(), 'ipxe.pxe')
})

test('X06: UEFI HTTP boot gets what P17 says: HTTPClient, its URL in option 67 alone, nothing of PXE', async () => {
  const reply = await scene().send(vector('P16').bytes)
  const url = 'http://192.0.2.2:8080/firmware/snponly.efi'
  assert.deepEqual(
    [60, 67].map((code) => Buffer.from(option(reply, code), 'hex').toString()),
    ['HTTPClient', `${url}\0`],
  )
  assert.deepEqual(
    [43, 66, 150, 175].map((code) => option(reply, code)),
    ['', '', '', ''],
  )
  assert.equal(toHex(reply?.message.file ?? new Uint8Array()), '00'.repeat(128))
})

test('X29: a Raspberry Pi gets its menu, the server as text without a NUL, and mask and router unasked', async () => {
  const made = scene()
  made.there.firmware('config.txt')
  made.running.picture = made.there.picture()
  const reply = await made.send(vector('P21').bytes)
  assert.match(option(reply, 43), new RegExp(`09140000 11${hexText('Raspberry Pi Boot')}`.replace(' ', '')))
  assert.deepEqual(
    [60, 66].map((code) => Buffer.from(option(reply, code), 'hex').toString()),
    ['PXEClient', '192.0.2.2'],
  )
  assert.deepEqual([option(reply, 1), option(reply, 3)], ['ffffff00', hexOf('192.0.2.1')])
})

test('X33: a machine that is left to its own disk gets an address and no boot field', async () => {
  const made = scene()
  made.there.unknown('ignore')
  made.running.picture = made.there.picture()
  const reply = await made.send(from(decoded('P1'), STRANGER))
  assert.equal(reply?.type, 'OFFER')
  assert.equal(reply.message.siaddr, 0)
  assert.ok(reply.message.file.every((octet) => octet === 0))
  assert.deepEqual(
    [43, 60, 66, 67].map((code) => option(reply, code)),
    ['', '', '', ''],
  )
})
