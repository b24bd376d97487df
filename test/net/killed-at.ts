/**
 * `centra-pxe` that is killed at a point of a transition of boot intents: the file CENTRA_KILL_AT holds the transition and
 * the point, such as `redeemed before`; it is gone when that has come. `before`: nothing is written. `within`: while the
 * writer has it. `after`: it is on disk, and nobody is answered. `early` is the bug that the test must catch: the answer leaves,
 * and nothing is written.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Writer } from '../../src/store/writer.ts'

type Write = Parameters<Writer['write']>[0]
type Saving = (write: Write) => Promise<void>

const FILE = process.env['CENTRA_KILL_AT'] ?? ''
const save: Saving = Reflect.get(Writer.prototype, 'write')

Writer.prototype.write = async function killed(write: Write): Promise<void> {
  const point = pointOf(write)
  if (point === undefined) return Reflect.apply(save, this, [write])
  rmSync(FILE)
  if (point === 'early') {
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200)
    return undefined
  }
  if (point !== 'before') {
    const saving: Promise<void> = Reflect.apply(save, this, [write])
    await (point === 'after' ? saving : sleep(Math.random() * 3))
  }
  process.kill(process.pid, 'SIGKILL')
  // A signal to oneself is delivered before this returns, but the type system cannot know.
  return new Promise(() => {})
}

function pointOf(write: Write): string | undefined {
  if (write.kind !== 'boots' || !existsSync(FILE)) return undefined
  const [transition, point] = readFileSync(FILE, 'utf8').split(' ')
  return write.change.lines.at(-1)?.what === transition ? point : undefined
}

await import('../../src/main.ts')
