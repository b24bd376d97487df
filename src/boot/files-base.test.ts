import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, KERNEL_SHA256, told, type WorldBuilder, world } from '../../test/helpers/world.ts'
import type { FilesBase } from '../model/config.ts'
import { firstUrl } from '../model/script.ts'
import { renderScript } from '../render/script.ts'
import { classifyScript } from './classify-http.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'
import { followsRedirects } from './files-base.ts'

const URL = 'http://files.example.org/boot'
const OWN = `http://10.77.0.1:8080/images/debian-live/${KERNEL_SHA256}/vmlinuz`
const THERE = `${URL}/images/debian-live/${KERNEL_SHA256}/vmlinuz`

function asked(there: WorldBuilder, secure = false): Decision {
  const ingress = {
    network: 'provisioning',
    server: ip('10.77.0.1'),
    ...(secure ? { secure: true as const } : {}),
  }
  const request = classifyScript('52-54-00-77-00-01.ipxe', new URLSearchParams(), ingress)
  assert.ok(request.ok)
  return decide(request.value.boot, there.labNodes().build())
}

function kernelOf({ action }: Decision): { readonly url: string; readonly fallback?: string } {
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  const { url, fallback } = action.script.kernel
  return { url, ...(fallback === undefined ? {} : { fallback }) }
}

function reasons({ trace }: Decision): readonly string[] {
  return told(trace).filter((line) => line.startsWith('files'))
}

const by = (way: FilesBase['by'], url = URL): WorldBuilder => world().network({ files: { url, by: way } })

test('without files: everything is ours, and there is nothing to explain', () => {
  assert.deepEqual([kernelOf(asked(world())), reasons(asked(world()))], [{ url: OWN }, []])
})

test('by script: the files have the same paths there, ours is the fallback; reports and scripts stay ours', () => {
  const decision = asked(by('script'))
  assert.deepEqual(kernelOf(decision), { url: THERE, fallback: OWN })
  assert.deepEqual(reasons(decision), [
    `files.base config: ${URL} (network provisioning), by the script; ours where it fails`,
  ])
  assert.ok(decision.action.kind === 'script' && decision.action.script.kind === 'boot')
  assert.match(
    decision.action.script.cmdline.join(' '),
    /centra\.report=http:\/\/10\.77\.0\.1:8080\/v1\/report/,
  )
})

test('by redirect: the script names ours', () => {
  assert.deepEqual(kernelOf(asked(by('redirect'))), { url: OWN, fallback: OWN })
})

test('a client that came over TLS is not sent to a place without it', () => {
  const secureOwn = OWN.replace('http://10.77.0.1:8080', 'https://10.77.0.1:8443')
  const refused = asked(by('script').https(), true)
  assert.deepEqual(kernelOf(refused), { url: secureOwn })
  assert.match(reasons(refused)[0] ?? '', /ours: the client came over TLS/)
  const sent = kernelOf(asked(by('script', 'https://files.example.org').https(), true))
  assert.equal(sent.url, `https://files.example.org/images/debian-live/${KERNEL_SHA256}/vmlinuz`)
})

test('iPXE is known by its User-Agent', () => {
  for (const agent of ['iPXE/1.0.0+git-20190125.36a4c85-5.1', 'iPXE/2.0.0'])
    assert.equal(followsRedirects(agent), true, agent)
  for (const agent of [undefined, '', 'UefiHttpBoot/1.0', 'GRUB 2.06', 'curl/7.88.1', 'Mozilla/5.0 (iPXE/1)'])
    assert.equal(followsRedirects(agent), false, agent)
})

test('iPXE tries the other server, then all from ours; GRUB each file; PXELINUX and GRUB without TLS ours', () => {
  const { action } = asked(by('script'))
  assert.ok(action.kind === 'script' && action.script.kind === 'boot')
  const ipxe = renderScript(action.script, 'ipxe')
  assert.match(
    ipxe,
    new RegExp(`set url ${THERE}\nkernel --timeout 30000 --name vmlinuz \\$\\{url\\} .* \\|\\| goto own\n`),
  )
  assert.match(ipxe, /\n:own\nset fault \$\{errno:hexraw\}\n/)
  assert.match(ipxe, new RegExp(`set url ${OWN}\\?fallback=\\$\\{fault\\}\nkernel .* \\|\\| goto failed\n`))
  const grub = renderScript(action.script, 'grub')
  assert.match(grub, /^if linux '\(http,files\.example\.org\)\/boot\/images\/.*; then$/m)
  assert.match(grub, /^ {2}linux '\(http,10\.77\.0\.1:8080\)\/images\/.*\/vmlinuz\?fallback=grub'/m)
  assert.equal(firstUrl(action.script.kernel, 'pxelinux'), OWN)
  assert.equal(firstUrl({ name: 'x', url: 'https://a/x', fallback: OWN }, 'grub'), OWN)
  const redirect = asked(by('redirect')).action
  assert.ok(redirect.kind === 'script')
  assert.doesNotMatch(renderScript(redirect.script, 'grub'), /fallback/)
})
