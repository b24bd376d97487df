/** `centra-pxe` with the bug that test/net/kill.test.ts must catch: a lease counts as saved before its commit. */
import { Writer } from '../../src/store/writer.ts'

type Saving = (...args: Parameters<Writer['write']>) => Promise<void>

const save: Saving = Reflect.get(Writer.prototype, 'write')
Writer.prototype.write = function early(...args) {
  Reflect.apply(save, this, args).catch(() => {})
  return Promise.resolve()
}
await import('../../src/main.ts')
