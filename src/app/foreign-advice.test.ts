import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, network } from '../../test/helpers/world.ts'
import type { DhcpMode, Network } from '../model/config.ts'
import type { OfferedBoot } from '../model/host.ts'
import { adviseOn as advise, type Known } from './foreign-advice.ts'

const OURS = ip('10.77.0.1')
const THEIRS = ip('10.77.0.9')

function on(dhcp: DhcpMode, changes: Partial<Network> = {}): Network {
  return network('10.77.0.0/24', { dhcp, ...changes })
}

function dhcp(boot?: OfferedBoot): Known {
  return { address: THEIRS, kind: 'dhcp', ...(boot === undefined ? {} : { boot }) }
}

function adviseOn(...question: Parameters<typeof advise>): readonly string[] {
  return advise(...question).map(({ text }) => text)
}

const MODES: readonly DhcpMode[] = ['observe', 'proxy', 'server']

test('O01: option 60 "PXEClient" without PXE options in 43 is told of in every mode, with server and remedy', () => {
  for (const mode of MODES) {
    const where = on(mode, { besides: [THEIRS] })
    const [advice, ...rest] = adviseOn(dhcp({ vendorClass: 'PXEClient' }), where, OURS)
    assert.equal(
      advice,
      '10.77.0.9 sends option 60 "PXEClient" without PXE\'s options in 43: UEFI machines then pass over boot files and ask ' +
        '10.77.0.9 on port 4011 (PXE-E16, PXE-E18); remove option 60 from 10.77.0.9 (Windows: 060 PXEClient, in server and scope options)',
    )
    assert.deepEqual(rest, [])
    const elsewhere = dhcp({ vendorClass: 'PXEClient:Arch', nextServer: THEIRS })
    assert.match(adviseOn(elsewhere, where, OURS)[0] ?? '', /and ask 10\.77\.0\.9 on port 4011/)
    for (const fine of [
      dhcp({ vendorClass: 'PXEClient', hasPxeOptions: true }),
      dhcp({ vendorClass: 'HTTPClient' }),
      dhcp({ hasPxeOptions: true }),
      dhcp(),
    ])
      assert.deepEqual(adviseOn(fine, where, OURS), [])
  }
})

test('O01: a boot file in an offer beside us: where we answer, and unless it is ours', () => {
  const where = on('proxy')
  const told = (boot: OfferedBoot, there = where): readonly string[] => adviseOn(dhcp(boot), there, OURS)
  assert.deepEqual(told({ bootFile: 'pxelinux.0', nextServer: ip('10.0.0.7') }), [
    '10.77.0.9 offers the boot file pxelinux.0 from 10.0.0.7, which machines may take instead of ours: remove options 66 and 67 (next-server, filename) from 10.77.0.9',
  ])
  assert.match(told({ bootFile: 'x' })[0] ?? '', /^10\.77\.0\.9 offers the boot file x, which/)
  for (const ours of [{ nextServer: OURS }, { tftpServer: '10.77.0.1' }])
    assert.deepEqual(told({ bootFile: 'snponly.efi', ...ours }), [])
  const other = on('proxy', { nextServer: ip('10.0.0.7') })
  assert.deepEqual(told({ bootFile: 'x', nextServer: ip('10.0.0.7') }, other), [])
  assert.deepEqual(told({ bootFile: 'x' }, on('observe')), [], 'we are silent there')
})

test('O01: siaddr alone matters when it names a third server', () => {
  assert.deepEqual(adviseOn(dhcp({ nextServer: THEIRS }), on('proxy'), OURS), [], 'as many routers do')
  assert.match(
    adviseOn(dhcp({ nextServer: ip('10.0.0.7') }), on('proxy'), OURS).join(),
    /^10\.77\.0\.9 names 10\.0\.0\.7 as the machines' next-server/,
  )
})

test('O01: a second proxy, where we answer', () => {
  const proxy: Known = { address: THEIRS, kind: 'proxy', boot: { vendorClass: 'PXEClient', bootFile: 'x' } }
  for (const mode of MODES) {
    const found = adviseOn(proxy, on(mode), OURS)
    assert.equal(found.length, mode === 'observe' ? 0 : 1, mode)
    for (const text of found) assert.match(text, /^10\.77\.0\.9 tells machines where to boot too/)
    assert.deepEqual(adviseOn(proxy, on(mode, { besides: [THEIRS] }), OURS), [])
  }
})

test('O04: a server that gives addresses beside ours is told of unless besides: names it; elsewhere only what besides: lacks', () => {
  const [text, ...rest] = adviseOn({ address: THEIRS }, on('server'), OURS)
  assert.equal(
    text,
    '10.77.0.9 gives addresses on provisioning too: stop it, set dhcp: proxy here, or name it in besides: [10.77.0.9]',
  )
  assert.deepEqual(rest, [])
  assert.deepEqual(adviseOn(dhcp(), on('server', { besides: [THEIRS] }), OURS), [])
  for (const mode of ['observe', 'proxy'] as const) {
    assert.deepEqual(adviseOn(dhcp(), on(mode), OURS), [])
    assert.deepEqual(adviseOn(dhcp(), on(mode, { besides: [ip('10.77.0.8')] }), OURS), [
      '10.77.0.9 gives addresses on provisioning too: stop it, or name it in besides: [10.77.0.9]',
    ])
  }
})
