import { existsSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Command, Option } from 'commander'
import { type NetworkProposal, proposeNetwork } from '../config/propose.ts'
import { formatTable, printable } from '../lib/text.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { composeText } from './init-compose.ts'
import { checkWishes, type ImageWish, type InitFlags, readImage, readWishes } from './init-flags.ts'
import { lookAround } from './init-look.ts'
import { askOperator } from './init-questions.ts'
import { foundJson } from './init-report.ts'
import { print, printJson, say } from './output.ts'

/**
 * `init`: sends DHCPDISCOVERs unless `--no-probe`, asks on a terminal, and writes one file. Exit code 2 when that
 * exists and `--force` is not given.
 */
export function addInit(program: Command): void {
  program
    .command('init')
    .summary('write a first configuration for this machine')
    .description(
      'Looks at the network interfaces, asks on each for DHCP servers as a netbooting machine would (a DISCOVER, ' +
        'never a REQUEST), asks a few questions, and writes a configuration with comments. Without a terminal no ' +
        'question is asked, as with --yes.',
    )
    .option(
      '--interface <name>',
      'where machines boot; default: one without the default route, if there is one',
    )
    .option('--subnet <subnet>', "default: the interface's own, such as 10.77.0.0/24")
    .option('--address <address>', "ours in the subnet; default: the interface's own")
    .addOption(
      new Option('--dhcp <mode>', 'default: server if no other DHCP server was heard, else observe').choices([
        'off',
        'observe',
        'server',
      ]),
    )
    .option(
      '--pool <range>',
      'such as 10.77.0.100-10.77.0.199, or none; default: free addresses of the upper half',
    )
    .option('--router <address>', 'the default gateway that machines are told')
    .option('--dns <address...>', 'the name servers that machines are told')
    .option('--kernel <file>', 'a kernel to boot; without one the keys for it are comments')
    .option('--initrd <file...>', 'its initrd')
    .option('--state-dir <dir>', 'where the server keeps leases and events', '/var/lib/centra-pxe')
    .option('--out <file>', 'where to write; - is stdout', './centra-pxe.yaml')
    .option('--no-probe', 'send nothing: do not ask for DHCP servers')
    .option('--yes', 'ask no questions, take what is proposed')
    .option('--force', 'overwrite a file that exists')
    .option('--json', 'print what was found and what is proposed as one JSON document, and write nothing')
    .action(init)
}

async function init(flags: InitFlags): Promise<void> {
  const wishes = readWishes(flags)
  const image = readImage(flags)
  if (flags.stateDir === '') throw new CliError('--state-dir: expected a path', EXIT.usage)
  if (flags.json !== true) checkOut(flags)
  const { host, hearing } = await lookAround(wishes, flags)
  if (flags.json) {
    const proposed = proposeNetwork(host, hearing, wishes)
    printJson(foundJson(host, hearing, proposed))
    return
  }
  const isAsking = flags.yes !== true && process.stdin.isTTY && process.stderr.isTTY
  const decided = isAsking ? await askOperator({ host, hearing, wishes, image }) : { wishes, image }
  const proposed = proposeNetwork(host, hearing, decided.wishes)
  if (!proposed.ok) throw new CliError(proposed.error)
  const checked = checkWishes(decided.wishes, proposed.value.subnet)
  if (!checked.ok) throw new CliError(checked.error, EXIT.usage)
  const text = composeText(proposed.value, decided, flags)
  write(text, flags)
  tell(proposed.value, decided.image, flags)
}

function checkOut({ out, force }: InitFlags): void {
  if (out !== '-' && force !== true && existsSync(out))
    throw new CliError(`${out} exists; --force overwrites it, --out chooses another`, EXIT.usage)
  if (!existsSync(dirname(out))) throw new CliError(`--out: there is no folder ${dirname(out)}`, EXIT.usage)
}

function write(text: string, { out, force }: InitFlags): void {
  if (out === '-') {
    print(text)
    return
  }
  try {
    writeFileSync(out, text, { flag: force === true ? 'w' : 'wx' })
  } catch (error) {
    throw new CliError(`${out} cannot be written: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function tell(network: NetworkProposal, image: ImageWish | undefined, { out }: InitFlags): void {
  for (const warning of network.warnings) say(`warning: ${warning}`)
  for (const file of image === undefined ? [] : [image.kernel, ...image.initrd])
    if (!existsSync(file)) say(`warning: there is no file ${file} yet; validate says so until it is there`)
  const file = out === '-' ? 'FILE' : out
  say(
    `\n${out === '-' ? 'printed' : `wrote ${out}`}, dhcp: ${network.dhcp} on ${printable(network.interface)}. Next:`,
  )
  const steps = [
    [`centra-pxe validate ${file}`, 'every error at once; a profile without an image is a warning'],
    [`centra-pxe explain --config ${file} --mac MAC`, 'what a machine would be answered, and why'],
    [
      `centra-pxe lab --config ${file} --payload --unknown 1`,
      'a virtual machine before its menu, on this machine alone',
    ],
    [`centra-pxe serve --config ${file}`, 'the server itself'],
  ]
  say(formatTable(steps.map(([command = '', about = '']) => [`  ${command}`, about])))
}
