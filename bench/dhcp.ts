/**
 * `npm run bench:dhcp`: DHCP load against us and our peers. Unpacks the peers' Debian packages into the cache, then runs
 * `inside.ts` in a private network, mount and process namespace, with which everything it started ends.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT } from '../src/cli/exit-codes.ts'
import { cacheFolder } from '../src/lab/cache.ts'
import { runInPrivateWorld } from '../src/lab/namespace.ts'
import type { Plan } from './inside.ts'
import { type BenchOptions, HELP, readOptions } from './options.ts'
import { findPeer, findPerfdhcp } from './peers.ts'

const say = (line: string): void => void process.stderr.write(`bench: ${line}\n`)

process.exitCode = await main()

async function main(): Promise<number> {
  const asked = readOptions(process.argv.slice(2))
  switch (asked.kind) {
    case 'help':
      process.stdout.write(HELP)
      return EXIT.ok
    case 'wrong':
      say(`${asked.why}; --help tells what there is`)
      return EXIT.usage
    case 'run':
      return runBench(asked.options)
    default:
      return asked satisfies never
  }
}

async function runBench(options: BenchOptions): Promise<number> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    say('private network namespaces need Linux and root')
    return EXIT.unavailable
  }
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
  // The cache is on a real disk; /tmp often is memory, where durable leases would cost nothing.
  const folder = join(cacheFolder(), 'bench')
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(folder, 'run-'))
  try {
    const plan: Plan = { options, work, perfdhcp: perfdhcp.program, peers }
    const file = join(work, 'plan.json')
    writeFileSync(file, JSON.stringify(plan))
    return await runInPrivateWorld(process.execPath, [join(import.meta.dirname, 'inside.ts'), file])
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
