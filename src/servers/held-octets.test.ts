import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ack,
  assertFile,
  client,
  download,
  PATIENCE,
  packetOf,
  publishedFile,
  rrq,
  running,
} from '../../test/helpers/tftp-loopback.ts'
import { encodeTftp } from '../protocol/tftp/packet.ts'

/** A server whose files' ends are held; `asked` counts who came to an end. */
async function scene(release: () => Promise<string | undefined>) {
  const counts = { asked: 0, heard: 0 }
  const server = await running({
    limits: { timeout: 0.2 },
    answer: async (request) => {
      const answer = await publishedFile(request)
      if (answer.kind !== 'file') return answer
      return {
        ...answer,
        onHeard: () => {
          counts.heard += 1
        },
        beforeLast: () => {
          counts.asked += 1
          return release()
        },
      }
    },
  })
  return { server, counts }
}

for (const [name, options, file] of [
  ['no options', '', 'undionly.kpxe'],
  ['a window', 'blksize=1468 windowsize=16', 'ipxe-x86_64.efi'],
  ['an empty last block', 'blksize=512', 'even'],
  ['an empty file', 'tsize=0', 'empty'],
] as const)
  test(`${name}: the end of the file leaves when it may, once for each transfer`, PATIENCE, async () => {
    const gate = Promise.withResolvers<undefined>()
    const { server, counts } = await scene(() => gate.promise)
    await using _server = server
    await using reader = await client()
    let isWhole = false
    const got = download(reader, server.port, rrq(file, options)).then((all) => {
      isWhole = true
      return all
    })
    while (counts.asked === 0) await sleep(2)
    // Longer than the pause before a block comes again.
    await sleep(500)
    assert.equal(isWhole, false)
    gate.resolve(undefined)
    assertFile(await got, file)
    assert.deepEqual(counts, { asked: 1, heard: 1 })
  })

test('a size probe, a request alone, and a client that falls silent ask for nothing', PATIENCE, async () => {
  const { server, counts } = await scene(async () => undefined)
  await using _server = server
  for (const code of [0, 8]) {
    await using probe = await client()
    probe.send(rrq('ipxe-x86_64.efi', 'tsize=0 blksize=1468'), server.port)
    const oack = await probe.next()
    probe.send(encodeTftp({ kind: 'error', code, message: 'declined' }), oack.port)
    await server.until('probe')
    server.seen.splice(0)
  }
  {
    await using silent = await client()
    silent.send(rrq('ipxe-x86_64.efi', 'tsize=0 timeout=1'), server.port)
    await silent.next()
  }
  assert.deepEqual(counts, { asked: 0, heard: 0 })
  await using half = await client()
  half.send(rrq('undionly.kpxe', 'blksize=1000'), server.port)
  const { port } = await half.next()
  // 71 blocks: all but the last one and the one before it.
  for (let block = 0; block < 69; block += 1) {
    half.send(ack(block), port)
    assert.equal(packetOf(await half.next()).kind, 'data')
  }
  half.send(encodeTftp({ kind: 'error', code: 0, message: 'power' }), port)
  await server.until('failed')
  assert.deepEqual(counts, { asked: 0, heard: 1 })
})

test('an end that may not leave ends the transfer, and the server says why', PATIENCE, async () => {
  for (const release of [
    async () => 'the attempt is over',
    () => Promise.reject(new Error('the attempt is over')),
  ]) {
    const { server } = await scene(release)
    await using _server = server
    await using reader = await client()
    const got = download(reader, server.port, rrq('undionly.kpxe'))
    const failed = await server.until('failed')
    assert.match(failed.kind === 'failed' ? failed.reason : '', /the attempt is over$/)
    assert.ok(failed.kind === 'failed' && failed.bytes < 70_000)
    got.catch(() => {})
  }
})
