import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { POOL, poolSize } from './lan.ts'
import { PEER_NAMES, type PeerName } from './peers.ts'

export const HELP = `usage: npm run bench:dhcp -- [OPTION...]

DHCP load from perfdhcp against Centra PXE and its peers, in private network namespaces: needs root, installs nothing.
The table goes to stdout, progress to stderr.

  --growth          instead: CPU per exchange of Centra PXE alone at 100 to 100 000 nodes and leases
  --quick           short steps, one repeat: to see that it works, not to measure
  --peers LIST      of ${PEER_NAMES.join(', ')}
  --rates LIST      four-way exchanges a second, the steps of the ladder
  --seconds N       of one step
  --repeats N       of everything, alternating
  --leases N        that every server finds when it starts, for the ladder
  --cpu-rate N      the step at which CPU per exchange is compared
  --centra FILE     the command to measure instead of bin/centra-pxe
  --json FILE       write every single measurement there
  --help
`

export interface BenchOptions {
  readonly growth: boolean
  readonly peers: readonly PeerName[]
  readonly rates: readonly number[]
  readonly seconds: number
  readonly repeats: number
  /** In every server at the start of the ladder. */
  readonly leases: number
  readonly cpuRate: number
  readonly centra: string | undefined
  readonly json: string | undefined
}

export type Asked =
  | { readonly kind: 'run'; readonly options: BenchOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly why: string }

const FULL = {
  rates: [50, 100, 200, 300, 400, 500, 700, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 7000, 8000],
  seconds: 4,
  repeats: 3,
  leases: 2000,
} as const
const QUICK = { ...FULL, rates: [100, 300, 1000, 2000, 4000], seconds: 2, repeats: 1 } as const
const CPU_RATE = 1000

/** Reads the command line. */
export function readOptions(args: readonly string[]): Asked {
  const parsed = parse(args)
  if (typeof parsed === 'string') return { kind: 'wrong', why: parsed }
  if (parsed.help === true) return { kind: 'help' }
  const base = parsed.quick === true ? QUICK : FULL
  const rates = numbers(parsed.rates) ?? base.rates
  const peers = parsed.peers?.split(',') ?? PEER_NAMES
  const unknown = peers.filter((name) => !isPeer(name))
  if (unknown.length > 0) return { kind: 'wrong', why: `there is no peer ${unknown.join(', ')}` }
  const options: BenchOptions = {
    growth: parsed.growth === true,
    peers: PEER_NAMES.filter((name) => peers.includes(name)),
    rates: [...new Set(rates)].sort((a, b) => a - b),
    seconds: count(parsed.seconds, base.seconds),
    repeats: count(parsed.repeats, base.repeats),
    leases: count(parsed.leases, base.leases),
    cpuRate: count(parsed['cpu-rate'], CPU_RATE),
    centra: parsed.centra === undefined ? undefined : resolve(parsed.centra),
    json: parsed.json === undefined ? undefined : resolve(parsed.json),
  }
  const why = problem(options)
  return why === undefined ? { kind: 'run', options } : { kind: 'wrong', why }
}

/** So many clients take part in a ladder; beyond them the first ones come again, for the lease they have. */
export const LADDER_CLIENTS = 50_000

/** Clients of one step: a few more than it needs, so that none comes twice. */
export function clientsOfStep(rate: number, seconds: number): number {
  return Math.ceil(rate * seconds * 1.1) + 10
}

function problem({ rates, seconds, repeats, leases, cpuRate }: BenchOptions): string | undefined {
  const all = [...rates, seconds, repeats, leases, cpuRate]
  if (all.some((number) => !Number.isInteger(number) || number < 1)) return 'expected whole numbers above 0'
  const most = Math.max(...rates.map((rate) => clientsOfStep(rate, seconds)))
  if (most > LADDER_CLIENTS) return `a step of ${most} clients is too long: there are ${LADDER_CLIENTS}`
  const room = poolSize(POOL) - LADDER_CLIENTS
  return leases >= room ? `there is room for ${room} leases beside those of the load` : undefined
}

function parse(args: readonly string[]): ReturnType<typeof parseFlags>['values'] | string {
  try {
    return parseFlags(args).values
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function parseFlags(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  return parseArgs({
    args: [...args],
    options: {
      growth: flag,
      quick: flag,
      peers: text,
      rates: text,
      seconds: text,
      repeats: text,
      leases: text,
      'cpu-rate': text,
      centra: text,
      json: text,
      help: flag,
    },
  })
}

function isPeer(name: string): name is PeerName {
  return PEER_NAMES.some((known) => known === name)
}

function numbers(text: string | undefined): readonly number[] | undefined {
  return text?.split(',').map(Number)
}

function count(text: string | undefined, otherwise: number): number {
  return text === undefined ? otherwise : Number(text)
}
