import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip, STRANGER, world } from '../../test/helpers/world.ts'
import { RecognisedMachines } from '../app/recognised.ts'
import type { SelectionRule } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import { selectProfile } from './select-profile.ts'

const PORT = { relay: ip('10.77.0.254'), circuitId: '65746837' }
const RULE: SelectionRule = {
  ...{ name: 'rack', match: { relayPort: { circuitId: '65746837' } }, profile: 'worker' },
  origin: { file: 'centra.yaml', line: 1, column: 1 },
}

test('a remembered port counts while its relay is listed', () => {
  const recognised = new RecognisedMachines()
  recognised.noteShown(STRANGER, { port: PORT }, { isFirmware: true, begins: true })
  const chosen = (relays: readonly (typeof PORT.relay)[]): string | undefined => {
    const there = world().network({ relays })
    const { config, ...rest } = there.build()
    const seen = { ...rest, config: { ...config, rules: [RULE] }, recognised }
    const { ingress } = there
    const client = { mac: STRANGER, stage: 'ipxe', transport: 'http' } as const
    const steps: Step[] = []
    return selectProfile(
      { via: 'http', question: { kind: 'run' }, client, ingress, evidence: [] },
      seen,
      undefined,
      steps,
    )
  }
  assert.equal(chosen([PORT.relay]), 'worker')
  assert.equal(chosen([]), undefined)
})
