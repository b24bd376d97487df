import { resolve } from 'node:path'
import type { Command } from 'commander'
import { startServer } from '../daemon/server.ts'
import { LocalDisk } from '../files/disk.ts'
import type { Config } from '../model/config.ts'
import { createLog, describeFault, type Log } from '../telemetry/log.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { requireConfig, say } from './output.ts'

interface ServeFlags {
  readonly config: string
  readonly log: 'text' | 'json'
  readonly stateDir?: string
  readonly insecureNoFsync?: boolean
}

/** SIGTERM ends the server within this time, in milliseconds, whatever hangs. */
const CLOSE_LIMIT_MS = 4500

export function addServe(program: Command): void {
  program
    .command('serve')
    .summary('run the server in the foreground')
    .description(
      'Serves DHCP, TFTP and HTTP on the networks of the configuration. Says "ready" with its sockets on stderr. ' +
        'SIGHUP rereads the configuration, SIGTERM and SIGINT end it.',
    )
    .requiredOption('--config <file>', 'the configuration')
    .option('--state-dir <dir>', 'instead of the one in the configuration')
    .option('--log <format>', 'text or json', 'text')
    .option(
      '--insecure-no-fsync',
      'do not wait for the disk before an ACK: for tests, loses leases in a power cut',
    )
    .action(serve)
}

async function serve(flags: ServeFlags): Promise<void> {
  const format =
    flags.log === 'json' ? 'json' : process.env['JOURNAL_STREAM'] === undefined ? 'text' : 'journal'
  const log = createLog((line) => process.stderr.write(line), format)
  process.on('uncaughtException', (error) => log.line('error', `fault: ${describeFault(error)}`))
  process.on('unhandledRejection', (error) => log.line('error', `fault: ${describeFault(error)}`))
  const disk = new LocalDisk()
  const written = await requireConfig(flags.config, { disk, warn: true })
  const config = flags.stateDir === undefined ? written : withStateDir(written, resolve(flags.stateDir))
  if (flags.insecureNoFsync)
    log.line('warn', 'INSECURE: --insecure-no-fsync, leases do not survive a power cut')
  const stop = untilSignal()
  const starting = startServer({ config, disk, log, durability: flags.insecureNoFsync ? 'off' : 'full' })
  const server = await starting.catch((error: unknown) => {
    throw new CliError(error instanceof Error ? error.message : String(error))
  })
  server.ready.then(
    (sockets) => say(`ready ${sockets.join(', ')}`),
    () => {},
  )
  process.on('SIGHUP', () => void server.reload())
  await stop
  await closeInTime(() => server.close(), log)
}

function withStateDir(config: Config, stateDir: string): Config {
  return { ...config, server: { ...config.server, stateDir } }
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
}

async function closeInTime(close: () => Promise<void>, log: Log): Promise<void> {
  const limit = setTimeout(() => {
    log.line('error', 'closing took too long, the process ends now')
    process.exit(EXIT.failure)
  }, CLOSE_LIMIT_MS)
  await close()
  clearTimeout(limit)
  process.exit(EXIT.ok)
}
