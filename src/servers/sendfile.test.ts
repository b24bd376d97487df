import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isResident, openSendfile } from './sendfile.ts'

const folder = mkdtempSync(join(tmpdir(), 'centra-sendfile-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const CONTENT = Buffer.alloc(300_000, 'octets of a file ')
writeFileSync(join(folder, 'file'), CONTENT)

/** A connection from both sides. */
async function pair(
  host: string,
): Promise<{ readonly ours: Socket; readonly theirs: Socket; readonly end: () => void }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, host)
  await once(server, 'listening')
  const connected = once(server, 'connection')
  const theirs = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [ours] = await connected
  const end = (): void => {
    for (const one of [ours, theirs]) one.destroy()
    server.close()
  }
  return { ours, theirs, end }
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

for (const host of ['127.0.0.1', '::'])
  test(`the kernel sends a file to a client of a server on ${host}, and no descriptor is left`, async () => {
    const { ours, theirs, end } = await pair(host)
    const file = openSync(join(folder, 'file'), 'r')
    const before = descriptors()
    const out = openSendfile(ours)
    assert.ok(out)
    const got: Buffer[] = []
    theirs.on('data', (bytes) => got.push(bytes))
    for (let at = 5; at < CONTENT.length; ) {
      const sent = out.send(file, at, CONTENT.length - at)
      assert.ok(sent !== undefined)
      at += sent
      if (sent === 0) await new Promise(setImmediate)
    }
    assert.equal(out.send(file, CONTENT.length, 10), 0, 'the file has no more')
    out.close()
    out.close()
    assert.equal(out.send(file, 0, 10), undefined, 'closed')
    assert.equal(descriptors(), before)
    ours.end()
    await once(theirs, 'end')
    assert.ok(Buffer.concat(got).equals(CONTENT.subarray(5)))
    closeSync(file)
    end()
  })

test('a number that is not the descriptor of this connection is never written to', async () => {
  const [one, other] = [await pair('127.0.0.1'), await pair('127.0.0.1')]
  const before = descriptors()
  const { remoteAddress, remotePort } = one.ours
  /** The first connection, as if its handle were another. */
  const withHandle = (handle: unknown): Socket =>
    Object.create(one.ours, {
      _handle: { value: handle },
      remoteAddress: { value: remoteAddress },
      remotePort: { value: remotePort },
    })
  const file = openSync(join(folder, 'file'), 'r')
  for (const handle of [Reflect.get(other.ours, '_handle'), { fd: file }, { fd: 100_000 }, { fd: -1 }, null])
    assert.equal(openSendfile(withHandle(handle)), undefined)
  closeSync(file)
  one.ours.destroy()
  assert.equal(openSendfile(one.ours), undefined, 'closed')
  await once(one.ours, 'close')
  assert.equal(openSendfile(one.ours), undefined)
  assert.equal(descriptors(), before - 1)
  one.end()
  other.end()
})

test('a client that is gone breaks its own connection alone', async () => {
  const { ours, theirs, end } = await pair('127.0.0.1')
  const out = openSendfile(ours)
  assert.ok(out)
  theirs.resetAndDestroy()
  await once(theirs, 'close')
  const file = openSync(join(folder, 'file'), 'r')
  assert.equal(out.send(file, 0, 1000), undefined)
  out.close()
  closeSync(file)
  end()
})

test('what was just written is in memory', () => {
  const file = openSync(join(folder, 'file'), 'r')
  assert.equal(isResident(file, { at: 0, length: CONTENT.length, step: 4096 }), true)
  assert.equal(isResident(file, { at: CONTENT.length, length: 10, step: 4096 }), false, 'behind the end')
  closeSync(file)
})
