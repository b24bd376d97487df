import { runProgram } from './cli/program.ts'

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader of a pipe (`| head`) went away: there is nobody left to tell.
  if (error.code === 'EPIPE') process.exit(0)
})
process.exitCode = await runProgram(process.argv.slice(2))
