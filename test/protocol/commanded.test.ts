/** What a machine is told for which somebody commanded one boot: its loader and `direct:` at DHCP, and when nothing of it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { answerHttp } from '../../src/app/answer-http.ts'
import { commandNode, type NodeCommandKind } from '../../src/app/node-commands.ts'
import { thinkDhcp } from '../../src/app/think-dhcp.ts'
import { supposeMessage } from '../../src/boot/suppose.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { ip, mac } from '../helpers/world.ts'
import { type YamlScene, yamlScene } from '../helpers/yaml-scene.ts'

const CONFIG = `networks:
  - {name: provisioning, interface: prov0, subnet: 10.77.0.0/24, address: 10.77.0.1, dhcp: server, pool: 10.77.0.100-10.77.0.199}
images:
  linux: {kernel: /srv/vmlinuz}
  uki: {efi: /srv/vmlinuz}
profiles:
  uki: {image: uki, direct: true}
  signed: {image: linux, loader: {uefi-x64: shimx64.efi}}
  install: {image: uki, direct: true, install: kernel}
  rescue: {image: linux}
  plain: {image: linux, loader: {uefi-x64: snponly.efi}}
nodes:
  - {name: uki, mac: "52:54:00:00:00:01", profile: uki}
  - {name: signed, mac: "52:54:00:00:00:02", profile: signed}
  - {name: both, mac: "52:54:00:00:00:03", profile: rescue, loader: {uefi-x64: shimx64.efi}}
`
const MACS = { uki: '52:54:00:00:00:01', signed: '52:54:00:00:00:02', both: '52:54:00:00:00:03' } as const
const PROGRAM = 'http://10.77.0.1:8080/boot/52-54-00-00-00-01.efi'
const FIRMWARE = 'http://10.77.0.1:8080/firmware'

type Name = keyof typeof MACS

let commands = 0
async function command(scene: YamlScene, node: Name, kind: NodeCommandKind, profile?: string): Promise<void> {
  commands += 1
  const wanted = { node, kind, id: `c${commands}`, ...(profile === undefined ? {} : { profile }) }
  const outcome = await commandNode(wanted, scene.running)
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
}

/** The boot file that the machine's firmware is told, and the rules of state that had a say. */
function told(scene: YamlScene, name: Name, by: 'pxe' | 'http'): readonly string[] {
  const message = supposeMessage({
    ...{ mac: mac(MACS[name]), arch: by === 'http' ? 'uefi-x64-http' : 'uefi-x64', via: 'dhcp' },
    ...{ form: 'ipxe', stage: 'rom' },
  })
  const thought = thinkDhcp(encodeDhcp4(message), scene.on('provisioning'), scene.running)
  assert.ok(thought.ok, JSON.stringify(thought))
  const { action, trace } = thought.value.boot
  assert.ok(action.kind === 'boot-file', JSON.stringify(action))
  return [
    action.url ?? action.file.name,
    ...trace.filter(({ from }) => from === 'state').map(({ rule }) => rule),
  ]
}

describe('the profile that somebody commanded, at DHCP', () => {
  test('decides whether the firmware loads a program itself, until it is used up or taken back', async () => {
    const scene = await yamlScene(CONFIG)
    assert.deepEqual(told(scene, 'uki', 'http'), [PROGRAM])
    await command(scene, 'uki', 'rescue')
    assert.deepEqual(told(scene, 'uki', 'http'), [`${FIRMWARE}/snponly.efi`, 'boot.intent'])
    await command(scene, 'uki', 'ram')
    assert.deepEqual(told(scene, 'uki', 'http'), [PROGRAM])
  })

  test('lets the firmware load a program of that profile alone', async () => {
    const scene = await yamlScene(CONFIG)
    assert.deepEqual(told(scene, 'both', 'http'), [`${FIRMWARE}/shimx64.efi`])
    await command(scene, 'both', 'install', 'install')
    const own = PROGRAM.replace('00-01.efi', '00-03.efi')
    assert.deepEqual(told(scene, 'both', 'http'), [own, 'boot.intent'])
  })

  test('lets a loader come first where the installer has to be told its nonce', async () => {
    const scene = await yamlScene(
      CONFIG.replace('install: kernel', 'install: installer').replace(
        '{efi: /srv/vmlinuz}',
        '{efi: /srv/vmlinuz, cmdline: quiet}',
      ),
    )
    await command(scene, 'both', 'install', 'install')
    assert.deepEqual(told(scene, 'both', 'http'), [`${FIRMWARE}/shimx64.efi`, 'boot.intent'])
  })

  test('has its own loader, else the usual one of the machine: signed firmware stays bootable', async () => {
    const scene = await yamlScene(CONFIG)
    await command(scene, 'signed', 'rescue')
    assert.deepEqual(told(scene, 'signed', 'pxe'), ['shimx64.efi', 'boot.intent'])
    await command(scene, 'signed', 'rescue', 'plain')
    assert.deepEqual(told(scene, 'signed', 'pxe'), ['snponly.efi', 'boot.intent'])
    await command(scene, 'both', 'rescue', 'plain')
    assert.deepEqual(told(scene, 'both', 'pxe'), ['shimx64.efi', 'boot.intent'])
  })
})

describe('an install whose profile is described otherwise since', () => {
  const INSTALLER = CONFIG.replace('install: kernel}', 'install: installer}')
  const LOCAL =
    /install was asked for when install said install: installer; it says (.*) now: ask for it again/

  /** The screen's first line of a machine whose lease asks for its script. */
  async function script({ running, on }: YamlScene): Promise<string> {
    const answer = await answerHttp(
      {
        ...{ method: 'GET', path: '/boot/52-54-00-00-00-03.grub', query: new URLSearchParams() },
        ...{ peer: '10.77.0.100', readBody: async () => '' },
      },
      on('provisioning'),
      running,
      () => ({ version: '0', items: [], foreign: [] }),
    )
    assert.ok(answer.kind === 'text')
    return answer.body
  }

  test('boots no more: what nobody redeems would install at every start', async () => {
    const scene = await yamlScene(INSTALLER.replace('{efi: /srv/vmlinuz}', '{kernel: /srv/vmlinuz}'))
    await scene.ask(MACS.both, { type: 'DISCOVER' })
    await scene.ask(MACS.both, { type: 'REQUEST', requested: ip('10.77.0.100'), server: ip('10.77.0.1') })
    const described = scene.running.picture
    await command(scene, 'both', 'install', 'install')
    assert.match(await script(scene), /centra\.redeem=/)
    for (const [install, says] of [
      ['kernel', 'install: kernel'],
      [undefined, 'no install:'],
    ] as const) {
      const { install: _, ...profile } = described.config.profiles.get('install') ?? assert.fail()
      const changed = { ...profile, ...(install === undefined ? {} : { install }) }
      const profiles = new Map([...described.config.profiles, ['install', changed]])
      scene.running.picture = { ...described, config: { ...described.config, profiles } }
      assert.equal(LOCAL.exec(await script(scene))?.[1], says)
    }
    scene.running.picture = described
    assert.match(await script(scene), /centra\.redeem=/, 'as it was')
  })
})

test('nothing is asked for that could never boot: where no network knows whose machine asks', async () => {
  for (const [dhcp, network, kind] of [
    ['off', '', 'refused'],
    ['observe', '', 'refused'],
    ['proxy', '', 'done'],
    ['proxy', 'relay', 'refused'],
  ] as const) {
    const scene = await yamlScene(
      CONFIG.replace(', dhcp: server, pool: 10.77.0.100-10.77.0.199', `, dhcp: ${dhcp}`).replace(
        ', interface: prov0',
        network === 'relay' ? '' : ', interface: prov0',
      ),
    )
    for (const ask of ['rescue', 'inspect'] as const) {
      const outcome = await commandNode({ node: 'uki', kind: ask, id: ask }, scene.running)
      assert.equal(outcome.kind, kind, `${dhcp} ${network}: ${JSON.stringify(outcome)}`)
      if (outcome.kind === 'refused')
        assert.match(outcome.because, /^no network here knows whose machine asks/)
    }
    assert.equal((await commandNode({ node: 'uki', kind: 'local', id: 'l' }, scene.running)).kind, 'done')
  }
})
