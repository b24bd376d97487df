import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseAcceleration, type KvmProbes } from './kvm-proof.ts'

const GOOD: KvmProbes = {
  cpuFlags: () => ['fpu', 'vmx'],
  deviceFailure: () => undefined,
  boots: async () => true,
}

test('KVM only when the processor, the device and a booted kernel agree', async () => {
  assert.deepEqual(await chooseAcceleration(GOOD), {
    acceleration: 'kvm',
    reason: 'a kernel booted under KVM',
  })
  assert.equal((await chooseAcceleration({ ...GOOD, cpuFlags: () => ['svm'] })).acceleration, 'kvm')
})

const never = (): never => assert.fail('asked although there was no hope')

const DOUBTS: readonly (readonly [string, KvmProbes, RegExp])[] = [
  ['no flag', { cpuFlags: () => ['fpu'], deviceFailure: never, boots: never }, /no vmx or svm/],
  ['no device', { ...GOOD, deviceFailure: () => '/dev/kvm does not open: EACCES', boots: never }, /EACCES/],
  ['no boot', { ...GOOD, boots: async () => false }, /did not boot/],
]

for (const [name, probes, reason] of DOUBTS) {
  test(`${name}: emulation, with the reason, and nothing is asked in vain`, async () => {
    const choice = await chooseAcceleration(probes)
    assert.equal(choice.acceleration, 'tcg')
    assert.match(choice.reason, reason)
  })
}
