import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NODE01, world } from '../../test/helpers/world.ts'
import { DOCUMENT_KINDS, type DocumentKind } from '../model/document.ts'
import { kernelArgumentProblem } from '../protocol/ipxe/words.ts'
import { renderScript } from '../render/script.ts'
import { classifyScript } from './classify-http.ts'
import { decide } from './decide.ts'

const BASE = 'http://10.77.0.1:8080/documents/52-54-00-77-00-01/'
const WANTED: Readonly<Record<DocumentKind, readonly string[]>> = {
  'cloud-init': [`ds=nocloud;s=${BASE}`],
  autoinstall: ['autoinstall', `ds=nocloud;s=${BASE}`],
  ignition: ['ignition.firstboot', 'ignition.platform.id=metal', `ignition.config.url=${BASE}config.ign`],
  kickstart: [`inst.ks=${BASE}ks.cfg`],
  preseed: ['auto=true', 'priority=critical', 'hostname=node01', `url=${BASE}preseed.cfg`],
}

/** The script of node01, whose profile has a document of this kind, in a loader's language. */
function scriptOf(kind: DocumentKind, form: 'ipxe' | 'grub', own: readonly string[] = []): string {
  const there = world().labNodes()
  const before = there.build()
  const origin = { file: '/c/lab.yaml', line: 1, column: 1 }
  const document = { name: 'one', kind, files: new Map(), templates: new Map(), isPublic: false, origin }
  const profiles = new Map(
    [...before.config.profiles].map(
      ([name, profile]) => [name, { ...profile, document: 'one', cmdline: own }] as const,
    ),
  )
  const config = { ...before.config, documents: new Map([['one', document]]), profiles }
  const asked = classifyScript(`${NODE01.replaceAll(':', '-')}.${form}`, new URLSearchParams(), there.ingress)
  assert.ok(asked.ok)
  const { action } = decide(asked.value.boot, { ...before, config })
  assert.ok(action.kind === 'script')
  return renderScript(action.script, form)
}

for (const kind of DOCUMENT_KINDS)
  test(`${kind}: the kernel is told where its document is; a semicolon ends no command of iPXE or GRUB`, () => {
    for (const argument of WANTED[kind]) assert.equal(kernelArgumentProblem(argument), undefined)
    const [kernel = ''] = /^kernel .*$/m.exec(scriptOf(kind, 'ipxe')) ?? []
    const [linux = ''] = /^linux .*$/m.exec(scriptOf(kind, 'grub')) ?? []
    assert.ok(` ${kernel} `.includes(` ${WANTED[kind].join(' ')} `), kernel)
    assert.ok(linux.includes(WANTED[kind].map((argument) => `'${argument}'`).join(' ')), linux)
  })

test('an argument that the operator wrote is not added again', () => {
  const script = scriptOf('preseed', 'ipxe', ['url=http://10.77.0.9/own.cfg', 'priority=high'])
  assert.match(script, / url=http:\/\/10\.77\.0\.9\/own\.cfg priority=high auto=true hostname=node01 BOOTIF/)
  assert.doesNotMatch(script, /preseed\.cfg/)
})
