import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { negotiate } from '../protocol/tftp/options.ts'
import { encodeTftp } from '../protocol/tftp/packet.ts'
import { Transfer } from '../protocol/tftp/transfer.ts'
import { FileOctets, openStored, type StoredFile } from './file-octets.ts'
import type { TftpContent } from './tftp-exchange.ts'
import { TftpFiles } from './tftp-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'centra-tftp-files-'))
const PATIENCE = { timeout: 20_000 }

after(() => rmSync(folder, { recursive: true, force: true }))

function stored(size: number): StoredFile & { readonly bytes: Buffer } {
  const bytes = randomBytes(size)
  const path = join(folder, `${size}`)
  writeFileSync(path, bytes)
  return { path, size, revision: '1', bytes }
}

async function large(file: StoredFile): Promise<FileOctets> {
  return new FileOctets(await openStored(file), file.size)
}

/** Reads all of it as a client with these options does; resolves with the file, rejects with what `follow` told. */
function readBy(content: TftpContent, options: string): Promise<Buffer> {
  const requested = options.split(' ').map((pair) => {
    const [name = '', value = ''] = pair.split('=')
    return { name, value }
  })
  const terms = negotiate(requested, { size: content.length, maxBlksize: 1468, maxWindow: 16 })
  const transfer = new Transfer(content, terms, 0)
  const parts: Uint8Array[] = []
  return new Promise((resolve, reject) => {
    const go = (): void => {
      for (;;) {
        const { send, blocks, outcome } = transfer.step
        if (outcome !== undefined) resolve(Buffer.concat(parts))
        if (blocks === undefined) return
        for (const datagram of send) parts.push(datagram.slice(4))
        transfer.onPacket(encodeTftp({ kind: 'ack', block: blocks.last & 0xffff }), 0)
      }
    }
    content.follow?.((error) => {
      if (error !== undefined) reject(error)
      transfer.onContent(0)
      go()
    })
    transfer.onPacket(encodeTftp({ kind: 'ack', block: 0 }), 0)
    go()
  })
}

for (const size of [0, 1, 65_535, 65_536, 65_537, 200_000, 1_468 * 700])
  for (const options of ['blksize=1468 windowsize=16', 'blksize=512', 'blksize=1000 windowsize=3'])
    test(`a file of ${size} octets piece by piece, ${options}`, PATIENCE, async () => {
      const file = stored(size)
      const content = await large(file)
      assert.ok((await readBy(content, options)).equals(file.bytes))
      content.close()
    })

test('a file that shrinks while it is read ends its transfer', PATIENCE, async () => {
  const file = stored(300_001)
  const content = await large(file)
  writeFileSync(file.path, 'gone')
  await assert.rejects(readBy(content, 'blksize=1468 windowsize=16'), /the file changed on disk/)
  content.close()
})

test('what is not the file that was published is not opened', async () => {
  const file = stored(300_002)
  await assert.rejects(openStored({ ...file, size: 5 }), /changed on disk/)
  await assert.rejects(openStored({ ...file, path: folder }), /changed on disk/)
  const link = join(folder, 'link')
  symlinkSync(file.path, link)
  await assert.rejects(openStored({ ...file, path: link, noLinks: true }), { code: 'ELOOP' })
  await (await openStored({ ...file, path: link })).close()
})

test('a small file is read once for all its readers, and anew when it changes', async () => {
  const files = new TftpFiles()
  const file = stored(5000)
  const [one, two] = await Promise.all([files.open(file), files.open(file)])
  assert.equal(one, two)
  writeFileSync(file.path, Buffer.alloc(5000))
  assert.equal(await files.open(file), one)
  const changed = await files.open({ ...file, revision: '2' })
  assert.deepEqual(changed.subarray(0, 4), Buffer.alloc(4))
})

test('one that cannot be read is tried again', async () => {
  const files = new TftpFiles()
  const file = { path: join(folder, 'later'), size: 3, revision: '1' }
  await assert.rejects(files.open(file), { code: 'ENOENT' })
  writeFileSync(file.path, 'abc')
  assert.equal((await files.open(file)).length, 3)
})

test('what is kept has a limit: the oldest goes, large files and those without a revision are never kept', async () => {
  const files = new TftpFiles()
  const many = [1, 2, 3].map((n) => stored(12 * 1024 * 1024 + n))
  const [first] = many
  assert.ok(first)
  const before = await files.open(first)
  for (const file of many.slice(1)) await files.open(file)
  assert.notEqual(await files.open(first), before)
  const { revision: _revision, ...unknown } = stored(10)
  for (const file of [stored(16 * 1024 * 1024 + 1), unknown]) {
    const content = await files.open(file)
    assert.ok(content instanceof FileOctets)
    content.close()
  }
})
