import type { Command } from 'commander'
import { EXIT } from './exit-codes.ts'
import { print, printJson, requireConfig, say } from './output.ts'
import { askServer } from './state.ts'

export function addReload(program: Command): void {
  program
    .command('reload')
    .summary('let the running server reread its configuration')
    .description('As SIGHUP does, and waits for the outcome. Exit code 78 when the file is not valid.')
    .requiredOption('--config <file>', 'the configuration, which tells where the server listens for commands')
    .option('--json', 'one JSON document on stdout')
    .action(async ({ config: file, json }: { config: string; json?: boolean }) => {
      const config = await requireConfig(file)
      const outcome = await askServer(config, 'POST', '/v1/reload')
      const reloaded = isRecord(outcome) && outcome['reloaded'] === true
      if (json) printJson(outcome)
      else say(reloaded ? 'reloaded' : 'refused, the old configuration stays')
      process.exitCode = reloaded ? EXIT.ok : EXIT.config
    })
}

export function addStatus(program: Command): void {
  program
    .command('status')
    .summary('how the running server is')
    .description('Version, sockets and health of the running server, as JSON.')
    .requiredOption('--config <file>', 'the configuration, which tells where the server listens for commands')
    .action(async ({ config: file }: { config: string }) => {
      const config = await requireConfig(file)
      print(JSON.stringify(await askServer(config, 'GET', '/v1/status'), undefined, 2))
    })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
