/** `relay-program.ts PLANS`: the relays of a JSON list. Says `ready`; at SIGTERM their counts, as JSON. */
import { openLossyRelay, type RelayPlan } from './lossy-relay.ts'

const plans: readonly RelayPlan[] = JSON.parse(process.argv[2] ?? '[]')
const relays = await Promise.all(plans.map(openLossyRelay))
process.on('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify(relays.map(({ counts }) => counts))}\n`, () => process.exit(0))
})
process.stdout.write('ready\n')
