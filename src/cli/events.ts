import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { LiveEvent } from '../app/timeline.ts'
import type { Config } from '../model/config.ts'
import { formatEventLine } from '../render/event.ts'
import { addStateOptions, print, requireStateConfig, type StateFlags, say } from './output.ts'
import { followConfig, withState } from './state.ts'

interface EventsFlags extends StateFlags {
  readonly follow?: boolean
  readonly json?: boolean
  readonly limit: number
}

/** `events`: stored ones from the database, also of a stopped server; with `--follow` it goes on over the control socket. */
export function addEvents(program: Command): void {
  addStateOptions(program.command('events'))
    .summary('what happened, and with --follow what happens')
    .description('The timeline of every machine: DHCP, TFTP, scripts, files, reports. Times are UTC.')
    .option('--follow', 'go on with new events until interrupted; waits for a server that is not there yet')
    .option('--limit <number>', 'how many stored events to begin with', readCount, 200)
    .option('--json', 'one JSON object a line')
    .action(async (flags: EventsFlags) => {
      const config = await requireStateConfig(flags)
      const show = (event: LiveEvent): void =>
        print(flags.json ? JSON.stringify(event) : formatEventLine(event))
      const last = await printStored(config, flags.limit, show)
      if (flags.follow) await follow(config, last, show)
    })
}

/** The newest stored events; resolves with the last id. */
async function printStored(config: Config, limit: number, show: (event: LiveEvent) => void): Promise<number> {
  const events = await withState(config, (reader) => reader.newestEvents(limit))
  for (const event of events ?? []) show(event)
  return events?.at(-1)?.id ?? 0
}

async function follow(config: Config, after: number, show: (event: LiveEvent) => void): Promise<never> {
  let last = after
  let told = false
  for (;;) {
    const wasThere = await followConfig(config, last, (line) => {
      const event: LiveEvent = JSON.parse(line)
      last = event.id ?? last
      show(event)
    })
    if (!wasThere && !told) say('the server is not running; waiting for it')
    told = !wasThere
    await sleep(500)
  }
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 0) throw new InvalidArgumentError('expected a whole number')
  return count
}
