import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Command } from 'commander'
import { hashPassword } from '../files/password-hash.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { print } from './output.ts'

/** Characters; iPXE's field takes more than anybody types. */
const MOST_CHARACTERS = 128

/**
 * `menu password`: reads no configuration and stores nothing. Exit code 2 for a password that loaders cannot type.
 */
export function addMenu(program: Command): void {
  const menu = program
    .command('menu')
    .summary("the machines' boot menu")
    .description("The machines' boot menu.")
  menu
    .command('password')
    .summary('the hash of a password for an entry of the menu')
    .description(
      'Reads a password, without showing it, or the first line of standard input, and prints its hash for password: under ' +
        'menu.entries. Machines send what is typed in clear unless their scripts come over HTTPS.',
    )
    .action(async () => {
      const password = await readPassword()
      const problem = passwordProblem(password)
      if (problem !== undefined) throw new CliError(problem, EXIT.usage)
      print(await hashPassword(password))
    })
}

/** What can be typed on a serial console, in any of its keyboards. */
function passwordProblem(password: string): string | undefined {
  if (password.length < 8) return 'expected at least 8 characters'
  if (password.length > MOST_CHARACTERS) return `expected at most ${MOST_CHARACTERS} characters`
  return /^[\x20-\x7e]+$/.test(password)
    ? undefined
    : 'expected printable ASCII: a boot loader knows no other keys'
}

/** The first line. On a terminal nothing of it is shown. */
async function readPassword(): Promise<string> {
  const isTerminal = process.stdin.isTTY === true
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  if (isTerminal) process.stderr.write('Password: ')
  const lines = createInterface({ input: process.stdin, output: silent, terminal: isTerminal })
  try {
    for await (const line of lines) return line
    return ''
  } finally {
    lines.close()
    if (isTerminal) process.stderr.write('\n')
  }
}
