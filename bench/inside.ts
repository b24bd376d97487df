/** The part of the benchmark that runs in the private world: `inside.ts PLAN`, a file written by `dhcp.ts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { describeMachine, loadNow } from './machine.ts'
import { measureGrowth, measureLadders, measureStarts, type Setup } from './measure.ts'
import { prepareNamespaces } from './namespaces.ts'
import type { BenchOptions } from './options.ts'
import { type Found, type PeerName, type Program, templatePath, titleOf } from './peers.ts'
import {
  dropTable,
  goalsOf,
  goalTable,
  growthGoal,
  growthTable,
  summarize,
  summarizeGrowth,
  summaryTable,
} from './report.ts'

/** What `dhcp.ts` found outside, where packages can be downloaded. */
export interface Plan {
  readonly options: BenchOptions
  readonly work: string
  readonly perfdhcp: Program
  readonly peers: readonly { readonly name: PeerName; readonly found: Found }[]
}

process.once('SIGTERM', () => process.exit(143))
const plan: Plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const troubles = new Map<PeerName, string>()
const say = (line: string): void => void process.stderr.write(`${line}\n`)

const setup: Setup = {
  options: plan.options,
  work: plan.work,
  perfdhcp: plan.perfdhcp,
  programs: Object.fromEntries(
    plan.peers.flatMap(({ name, found }) => (found.kind === 'found' ? [[name, found.program]] : [])),
  ),
  say,
  onTrouble: (peer, why) => {
    say(`${titleOf(peer)}: ${why}`)
    if (!troubles.has(peer)) troubles.set(peer, why)
  },
}
prepareNamespaces()
const header = {
  date: new Date().toISOString(),
  machine: describeMachine(plan.work),
  perfdhcp: plan.perfdhcp.version,
  loadBefore: loadNow(),
}
const results = plan.options.growth ? await growth() : await comparison()
const report = { ...header, loadAfter: loadNow(), options: plan.options, peers: peerFacts(), ...results.data }
process.stdout.write(`${[...introduction(), '', ...results.text].join('\n')}\n`)
if (plan.options.json !== undefined)
  writeFileSync(plan.options.json, `${JSON.stringify(report, undefined, 2)}\n`)
process.exit(0)

interface Results {
  readonly data: Readonly<Record<string, unknown>>
  readonly text: readonly string[]
}

async function comparison(): Promise<Results> {
  const { cpuRate, peers } = plan.options
  const ladders = await measureLadders(setup)
  const starts = await measureStarts(setup)
  const measured = peers.filter((peer) => ladders.some((run) => run.peer === peer))
  const summaries = measured.map((peer) => summarize(peer, ladders, starts))
  const goals = goalsOf(summaries, cpuRate)
  return {
    data: {
      summaries: summaries.map((one) => ({ ...one, cpu: Object.fromEntries(one.cpu) })),
      goals,
      ladders,
      starts,
    },
    text: [summaryTable(summaries, cpuRate), '', dropTable(ladders, measured), '', goalTable(goals)],
  }
}

async function growth(): Promise<Results> {
  const runs = await measureGrowth(setup)
  const summaries = summarizeGrowth(runs)
  const goal = growthGoal(summaries)
  return { data: { summaries, goal, runs }, text: [growthTable(summaries), '', goalTable([goal])] }
}

function peerFacts(): readonly Readonly<Record<string, string>>[] {
  return plan.peers.map(({ name, found }) => {
    const trouble = found.kind === 'missing' ? `not available: ${found.why}` : troubles.get(name)
    return {
      name,
      configuration: templatePath(name),
      ...(found.kind === 'found' ? { version: found.program.version } : {}),
      ...(trouble === undefined ? {} : { trouble }),
    }
  })
}

function introduction(): readonly string[] {
  const { machine, date, loadBefore } = header
  const { options } = plan
  const size = `${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}`
  return [
    `${date}; ${size}`,
    `${machine.fileSystem}, write and fdatasync ${machine.fdatasyncMs.toFixed(2)} ms; load average ${loadBefore} before, ${loadNow()} after`,
    `perfdhcp ${plan.perfdhcp.version}; ${options.repeats} repeats of ${options.seconds} s a step; a step is clean with under 2.5 % drops`,
    ...peerFacts().map(({ name, version, configuration, trouble }) => {
      const facts = [
        ...(version === undefined ? [] : [version]),
        configuration,
        ...(trouble === undefined ? [] : [trouble]),
      ]
      return `${name}: ${facts.join('; ')}`
    }),
  ]
}
