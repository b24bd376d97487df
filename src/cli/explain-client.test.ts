import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readClient } from './explain-client.ts'

const FLAGS = {
  ...{ mac: '52:54:00:00:00:01', arch: 'uefi-x64', via: 'http', stage: 'rom', message: 'discover' },
  ...{ script: 'grub', failed: 'kernel' },
} as const

test('what a machine cannot say is wrong use, and not evidence that only explain weighs', () => {
  const uuid = '01020304-1506-1708-190A-1B0C1D0E1F10'
  const client = readClient({ ...FLAGS, errno: '0x2d0c613b', says: [`uuid=${uuid}`, 'serial=a=b'] })
  assert.deepEqual(client.says, { uuid, serial: 'a=b' })
  assert.deepEqual(client.failed, { step: 'kernel', errno: '0x2d0c613b' })
  for (const [wrong, problem] of [
    [{ says: ['uuid=foo'] }, /--says: expected uuid=12345678-1234-.*, got "uuid=foo"/],
    [{ says: ['colour=red'] }, /--says: expected KEY=TEXT with a key of uuid, serial, .*, got "colour=red"/],
    [{ errno: 'zzz' }, /--errno: expected up to 8 hex digits, such as 2d0c613b, got "zzz"/],
  ] as const)
    assert.throws(() => readClient({ ...FLAGS, ...wrong }), problem)
})
