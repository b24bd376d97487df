import { flushCompileCache } from 'node:module'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import { type LabView, labView } from '../config/lab-view.ts'
import { moveStateDir } from '../config/state-dir.ts'
import { type RunningServer, startServer } from '../daemon/server.ts'
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
  readonly labView?: LabView
}

/** SIGTERM ends the server within this time, in milliseconds, whatever hangs. */
const CLOSE_LIMIT_MS = 4500

/**
 * `serve`: runs until SIGTERM or SIGINT, then ends within `CLOSE_LIMIT_MS`. Exit code 78 for a wrong
 * configuration, 1 when it cannot go on.
 */
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
    .addOption(new Option('--log <format>', 'how to log').choices(['text', 'json']).default('text'))
    .option(
      '--insecure-no-fsync',
      'do not wait for the disk before an ACK: for tests, loses leases in a power cut',
    )
    .addOption(
      new Option('--lab-view <json>', 'the configuration as the lab runs it')
        .argParser(readLabView)
        .hideHelp(),
    )
    .action(serve)
}

/** Written by `centra-pxe lab` alone. */
function readLabView(text: string): LabView {
  return z
    .strictObject({ payload: z.strictObject({ kernel: z.string(), initrd: z.string() }).optional() })
    .transform(({ payload }): LabView => (payload === undefined ? {} : { payload }))
    .parse(JSON.parse(text))
}

/** What the command line makes of a configuration. */
function adaptation({ stateDir, labView: view }: ServeFlags): (config: Config) => Config {
  return (config) => {
    const moved = stateDir === undefined ? config : moveStateDir(config, resolve(stateDir))
    if (view === undefined) return moved
    // The lab's state is its own; what it boots is the operator's.
    const { imageStore } = config.server
    return labView({ ...moved, server: { ...moved.server, imageStore } }, view)
  }
}

async function serve(flags: ServeFlags): Promise<void> {
  const format =
    flags.log === 'json' ? 'json' : process.env['JOURNAL_STREAM'] === undefined ? 'text' : 'journal'
  const log = createLog((line) => process.stderr.write(line), format)
  process.on('exit', () => log.flush())
  // Whoever read the log went away: without a listener each line would be a fault that is logged, without end.
  process.stderr.on('error', () => {})
  process.on('uncaughtException', (error) => log.line('error', `fault: ${describeFault(error)}`))
  process.on('unhandledRejection', (error) => log.line('error', `fault: ${describeFault(error)}`))
  const stop = untilSignal()
  const started = Promise.withResolvers<RunningServer>()
  // Listened to from the first moment on: without a listener SIGHUP ends the process. One that comes early waits.
  process.on('SIGHUP', () => void started.promise.then((server) => server.reload()))
  const disk = new LocalDisk()
  const { stateDir, labView: view } = flags
  const load = {
    ownImages: view?.payload === undefined,
    ...(stateDir === undefined || view !== undefined
      ? {}
      : { imageStore: join(resolve(stateDir), 'images') }),
  }
  const config = await requireConfig(flags.config, { disk, warn: true, load })
  if (flags.insecureNoFsync)
    log.line('warn', 'INSECURE: --insecure-no-fsync, leases do not survive a power cut')
  const starting = startServer({
    config,
    disk,
    log,
    durability: flags.insecureNoFsync ? 'off' : 'full',
    adapt: adaptation(flags),
    load,
  })
  const server = await Promise.race([starting, stop]).catch((error: unknown) => {
    log.flush()
    throw new CliError(error instanceof Error ? error.message : String(error))
  })
  if (server === undefined) return giveUpStarting(starting)
  started.resolve(server)
  server.ready.then(
    (sockets) => {
      log.flush()
      say(`ready ${sockets.join(', ')}`)
      // Node would write it at the end, which a process that is killed never has. Off without bin/centra-pxe.
      flushCompileCache()
    },
    () => {},
  )
  const failure = await Promise.race([stop, server.failed])
  if (failure !== undefined) log.line('error', `the server cannot go on: ${failure.message}`)
  await closeInTime(() => server.close(), log, failure === undefined ? EXIT.ok : EXIT.failure)
}

/** Nothing is served yet, and hashing large images may take longer than the limit: then the process just ends. */
async function giveUpStarting(starting: Promise<RunningServer>): Promise<never> {
  setTimeout(() => process.exit(EXIT.ok), CLOSE_LIMIT_MS)
  await starting.then(
    (server) => server.close(),
    () => {},
  )
  process.exit(EXIT.ok)
}

function untilSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve(undefined))
    process.once('SIGINT', () => resolve(undefined))
  })
}

async function closeInTime(close: () => Promise<void>, log: Log, code: number): Promise<void> {
  const limit = setTimeout(() => {
    log.line('error', 'closing took too long, the process ends now')
    process.exit(EXIT.failure)
  }, CLOSE_LIMIT_MS)
  await close()
  clearTimeout(limit)
  process.exit(code)
}
