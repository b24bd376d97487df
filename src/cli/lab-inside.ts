import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { runInside } from '../lab/inside.ts'
import { LabPlanSchema } from '../lab/plan.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { printJson } from './output.ts'
import { followServer } from './state.ts'

const SIGTERM_EXIT = 128 + 15
const SIZE_POLL_MS = 500

/** This program again: arguments of Node. */
export const OWN_SCRIPT: readonly string[] = [
  ...process.execArgv,
  join(dirname(dirname(fileURLToPath(import.meta.url))), 'main.ts'),
]

/** The half of `lab` that runs inside its private world, as the first process there. */
export function addLabInside(program: Command): void {
  program
    .command('lab-inside', { hidden: true })
    .argument('<plan>')
    .action(async (file: string) => {
      const plan = LabPlanSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
      // All that runs in the private world dies with this process, the first in it.
      let onTerm = (): void => process.exit(SIGTERM_EXIT)
      process.on('SIGTERM', () => onTerm())
      const result = await runInside({
        plan,
        program: [process.execPath, ...OWN_SCRIPT],
        follow: (path, onLine, signal) => followServer(path, 0, onLine, signal),
        terminal: watchSize(plan.json ? process.stderr : process.stdout),
        stay: () =>
          new Promise((resolve) => {
            onTerm = resolve
          }),
      }).catch((error: unknown) => {
        throw new CliError(error instanceof Error ? error.message : String(error))
      })
      if (plan.json)
        printJson({ inService: result.allInService, logs: plan.folder, machines: result.machines })
      process.exitCode = result.allInService ? EXIT.ok : EXIT.failure
    })
}

/** A session of its own gets no SIGWINCH from the terminal, and Node asks for the size with that signal alone. */
function watchSize(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  if (stream.isTTY) setInterval(() => process.emit('SIGWINCH', 'SIGWINCH'), SIZE_POLL_MS).unref()
  return stream
}
