import { resolve } from 'node:path'
import type { Command } from 'commander'
import { loadConfig } from '../app/load-config.ts'
import { formatProblem } from '../config/source.ts'
import { LocalDisk } from '../files/disk.ts'
import { EXIT } from './exit-codes.ts'
import { print, printJson, say } from './output.ts'

/** `validate`: errors to stdout, warnings to stderr; exit code 78 when there is an error. */
export function addValidate(program: Command): void {
  program
    .command('validate')
    .summary('check a configuration and everything it names')
    .description('Prints every error at once as file:line:column: path: message. Silent when all is well.')
    .argument('<file>', 'the configuration')
    .option('--json', 'one JSON document on stdout')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const { config, problems } = await loadConfig(resolve(file), new LocalDisk())
      const valid = config !== undefined
      if (json)
        printJson({ valid, problems: problems.map(({ origin, ...rest }) => ({ ...origin, ...rest })) })
      else {
        for (const problem of problems) {
          const line = formatProblem(problem)
          if (problem.severity === 'error') print(line)
          else say(line)
        }
      }
      process.exitCode = valid ? EXIT.ok : EXIT.config
    })
}
