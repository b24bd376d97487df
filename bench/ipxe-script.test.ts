import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderIpxe } from '../src/render/ipxe.ts'
import { SCRIPTS } from '../test/helpers/scripts.ts'
import { runIpxe, type ScriptEnd } from './ipxe-script.ts'

/** What a machine does with this script, and with those it is led to. */
async function machine(
  script: string,
  { answers = [], broken = [] }: { readonly answers?: string[]; readonly broken?: readonly string[] } = {},
): Promise<{ readonly end: ScriptEnd; readonly did: readonly string[] }> {
  const did: string[] = []
  const fetched = (what: string, url: string): void => {
    did.push(`${what} ${new URL(url).pathname.split('/').at(-1)}${new URL(url).search}`)
    if (broken.some((part) => url.includes(part))) throw new Error('404')
  }
  const end = await runIpxe(
    script,
    { 'netX/mac:hexhyp': '52-54-00-77-00-02', platform: 'efi', buildarch: 'x86_64' },
    {
      load: async (url) => fetched('load', url),
      chain: async (url) => {
        fetched('chain', url)
        const answer = answers.shift()
        if (answer === undefined) throw new Error('no answer')
        return answer
      },
      wait: async (ms) => void did.push(`wait ${ms}`),
    },
  )
  return { end, did }
}

const boot = renderIpxe(SCRIPTS.boot)
const queue = renderIpxe(SCRIPTS.queue)

test('it says who it is, waits twice, and boots', async () => {
  const { end, did } = await machine(renderIpxe(SCRIPTS.identify), { answers: [queue, queue, boot] })
  assert.deepEqual(end, { end: 'boot', queued: 2 })
  assert.match(did[0] ?? '', /^chain 52-54-00-77-00-02\.ipxe\?uuid=.*&arch=x86_64&platform=efi$/)
  assert.deepEqual(did.slice(1), [
    ...['wait 1000', 'chain 52-54-00-77-00-02.ipxe', 'wait 1000', 'chain 52-54-00-77-00-02.ipxe'],
    ...['load vmlinuz', 'load initrd.img'],
  ])
})

test('a server that is gone for a moment costs no boot: the page asks three times', async () => {
  const { end, did } = await machine(queue)
  assert.equal(end.end, 'stopped')
  assert.deepEqual(did.slice(0, 6), [
    ...['wait 1000', 'chain 52-54-00-77-00-02.ipxe', 'wait 5000'],
    ...['chain 52-54-00-77-00-02.ipxe', 'wait 5000', 'chain 52-54-00-77-00-02.ipxe'],
  ])
})

test('a file that is not there leads to the failed step, not to a boot', async () => {
  const { end, did } = await machine(boot, { broken: ['initrd'] })
  assert.equal(end.end, 'stopped')
  assert.deepEqual(did.slice(0, 2), ['load vmlinuz', 'load initrd.img'])
  assert.match(did[2] ?? '', /^chain 52-54-00-77-00-02\.ipxe\?failed=initrd&/)
})
