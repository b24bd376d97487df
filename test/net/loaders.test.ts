import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { decodeDhcp4 } from '../../src/protocol/dhcp4/decode.ts'
import { optionText } from '../../src/protocol/dhcp4/options.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'
import { vector } from '../helpers/dhcp-fixtures.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, eventually, makeSite, missing, serve } from '../helpers/server.ts'
import { Wire } from '../helpers/wire.ts'

/** Loaders that go and come, and a configuration that names others, while the server runs. */
const limits = { timeout: 90_000, skip: missing('tcpdump') }
const MAC = '52:54:00:12:34:56'

inNetns(import.meta, (net) => {
  const client = net.host('client')
  net.veth(
    { name: 'prov0', address: '10.77.0.1/24' },
    { name: 'eth0', address: '10.77.0.50/24', host: client },
  )
  const site = makeSite('/run/site')
  const loader = '/run/site/firmware/snponly.efi'
  let xid = 0x7e5b0000
  const running = limits.skip ? undefined : Promise.all([serve(site), Wire.open(client, 'eth0')])

  /** What EDK2 x64 is told now; the server looks at its folders every second. */
  const isTold = async (expected: string | undefined): Promise<void> => {
    const wire = (await running)?.[1]
    const p1 = decodeDhcp4(vector('P1').bytes)
    assert.ok(wire && p1.ok)
    await eventually(`EDK2 is told ${expected ?? 'no file'}`, async () => {
      xid += 1
      const { type, message } = await wire.ask({ ...p1.value, xid })
      assert.equal(type, 'OFFER')
      const told = optionText(message, OPTION.bootFileName)
      const header = Buffer.from(message.file).toString('latin1').replace(/\0+$/, '')
      assert.equal(header, told ?? '', 'file and option 67 agree')
      return told === expected ? true : undefined
    })
  }
  const explained = async (): Promise<string> => {
    const flags = ['--config', site.config, '--mac', MAC, '--arch', 'uefi-x64', '--json']
    const { answer } = JSON.parse((await centra('explain', ...flags)).stdout)
    return String(answer)
  }

  test('a loader that is removed is offered no more, and explain says what is missing', limits, async () => {
    await isTold('snponly.efi')
    renameSync(loader, '/run/site/away')
    await isTold(undefined)
    assert.match(
      await explained(),
      /^no boot file: no loader for uefi-x64: snponly\.efi.* is missing in .*\/firmware; `centra-pxe firmware fetch` brings it$/,
    )
    writeFileSync('/run/site/firmware/ipxe.efi', 'another')
    await isTold('ipxe.efi')
    renameSync('/run/site/away', loader)
    await isTold('snponly.efi')
  })

  test(
    'loader: of the node, then of its profile, then of the table, as the configuration says',
    limits,
    async () => {
      const server = (await running)?.[0]
      assert.ok(server)
      for (const name of ['mine.efi', 'theirs.efi']) writeFileSync(`/run/site/firmware/${name}`, name)
      const node = (more: string): string =>
        `nodes:\n  - { name: own, mac: "${MAC}", profile: worker${more} }`
      const configured = (own: string, byProfile: boolean): void =>
        site.rewrite((text) => {
          const named = text.replace(/^nodes:/m, node(own))
          return byProfile
            ? named.replace('  worker:\n', '  worker:\n    loader: { uefi-x64: theirs.efi }\n')
            : named
        })
      for (const [own, byProfile, expected] of [
        [', loader: { uefi-x64: mine.efi, bios-x86: undionly.kpxe }', true, 'mine.efi'],
        [', loader: { bios-x86: undionly.kpxe }', true, 'theirs.efi'],
        ['', true, 'theirs.efi'],
        ['', false, 'snponly.efi'],
        [', loader: mine.efi', false, 'mine.efi'],
      ] as const) {
        configured(own, byProfile)
        assert.equal((await centra('reload', '--config', site.config)).code, 0, server.stderr)
        await isTold(expected)
        assert.match(await explained(), new RegExp(`^boot-file ${expected} over tftp`))
      }
    },
  )
})
