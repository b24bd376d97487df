import type { Command } from 'commander'
import { z } from 'zod'
import { formatTable } from '../lib/text.ts'
import { EXIT } from './exit-codes.ts'
import { describeForeign, ForeignSchema } from './networks.ts'
import { addStateOptions, print, printJson, requireStateConfig, type StateFlags, say } from './output.ts'
import { askServer } from './state.ts'

/** `reload`: waits for the outcome over the control socket. Exit code 78 when the server refused, 1 when none answers. */
export function addReload(program: Command): void {
  addStateOptions(program.command('reload'))
    .summary('let the running server reread its configuration')
    .description('As SIGHUP does, and waits for the outcome. Exit code 78 when the file is not valid.')
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: StateFlags & { readonly json?: boolean }) => {
      const config = await requireStateConfig(flags)
      const outcome = await askServer(config, 'POST', '/v1/reload')
      const reloaded = isRecord(outcome) && outcome['reloaded'] === true
      if (flags.json) printJson(outcome)
      else say(reloaded ? 'reloaded' : 'refused, the old configuration stays')
      process.exitCode = reloaded ? EXIT.ok : EXIT.config
    })
}

/** `status`: asks the running server over its control socket. Exit code 1 when none answers or a service is degraded. */
export function addStatus(program: Command): void {
  addStateOptions(program.command('status'))
    .summary('how the running server is')
    .description(
      'Health, sockets and version of the running server. Exit code 1 when none answers or a service is degraded.',
    )
    .option('--json', 'one JSON document on stdout')
    .action(async (flags: StateFlags & { readonly json?: boolean }) => {
      const config = await requireStateConfig(flags)
      const status = StatusSchema.parse(await askServer(config, 'GET', '/v1/status'))
      if (flags.json) printJson(status)
      else print(formatStatus(status))
      process.exitCode = status.status === 'ok' ? EXIT.ok : EXIT.failure
    })
}

const StatusSchema = z.object({
  status: z.enum(['ok', 'degraded']),
  version: z.string(),
  pid: z.number(),
  services: z.record(z.string(), z.string()),
  sockets: z.array(z.string()),
  dropped: z.record(z.string(), z.number()),
  warnings: z.array(z.string()),
  foreign: z.array(ForeignSchema),
})

function formatStatus({
  status,
  version,
  pid,
  services,
  sockets,
  dropped,
  foreign,
  warnings,
}: z.infer<typeof StatusSchema>): string {
  return formatTable([
    ['status', status],
    ['version', `${version}, process ${pid}`],
    ...Object.entries(services).map(([name, state]) => [name, state]),
    ...sockets.map((socket) => ['listens', socket]),
    ...Object.entries(dropped).map(([network, count]) => ['dropped', `${count} messages on ${network}`]),
    ...foreign.map((server) => ['another DHCP server', describeForeign(server)]),
    ...warnings.map((text) => ['warning', text]),
  ])
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
