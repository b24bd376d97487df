/**
 * `npm run bench:dhcp`: DHCP load against us and our peers. Unpacks the peers' Debian packages into the cache, then runs
 * `inside.ts` in a private network, mount and process namespace, with which everything it started ends.
 */
import { join } from 'node:path'
import { runWorkbench, type Work } from '../scripts/workbench.ts'
import { EXIT } from '../src/cli/exit-codes.ts'
import type { Plan } from './inside.ts'
import { type BenchOptions, HELP, readOptions } from './options.ts'
import { findPeer, findPerfdhcp } from './peers.ts'

process.exitCode = await runWorkbench({ name: 'bench', help: HELP, read, run }, process.argv.slice(2))

function read(args: readonly string[]): BenchOptions | undefined {
  const asked = readOptions(args)
  if (asked.kind === 'wrong') throw new Error(asked.why)
  return asked.kind === 'help' ? undefined : asked.options
}

async function run(options: BenchOptions, { folder, say, inside }: Work): Promise<number> {
  say('looking for the peers in the cache; what is missing is downloaded')
  const perfdhcp = await findPerfdhcp()
  if (perfdhcp.kind === 'missing') {
    say(`perfdhcp is not available: ${perfdhcp.why}`)
    return EXIT.unavailable
  }
  const names = options.growth ? (['centra-pxe'] as const) : options.peers
  const peers: Plan['peers'][number][] = []
  for (const name of names) peers.push({ name, found: await findPeer(name, options.centra) })
  for (const { name, found } of peers)
    if (found.kind === 'missing') say(`${name} is not available: ${found.why}`)
  const plan: Plan = { options, work: folder, perfdhcp: perfdhcp.program, peers }
  return inside(join(import.meta.dirname, 'inside.ts'), plan)
}
