import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CONTROL_SOCKET } from '../daemon/server.ts'
import { printable } from '../lib/text.ts'
import type { Config } from '../model/config.ts'
import type { StateReader } from '../model/ports.ts'
import { openStateReader } from '../store/state-reader.ts'
import { CliError } from './exit-codes.ts'
import { say } from './output.ts'

/** Reads the state of a running or stopped server; says so when there never was one. */
export async function withState<T>(
  config: Config,
  read: (reader: StateReader) => Promise<T>,
): Promise<T | undefined> {
  const reader = await openStateReader(config.server.stateDir)
  if (reader === undefined) {
    say(`no server has run with the state directory ${config.server.stateDir} yet`)
    return undefined
  }
  try {
    return await read(reader)
  } finally {
    await reader.close()
  }
}

function controlPath(config: Config): string {
  return join(config.server.stateDir, CONTROL_SOCKET)
}

/** Asks the running server; rejects with a CliError when none answers, or not to the end, or not in JSON. */
export async function askServer(config: Config, method: 'GET' | 'POST', path: string): Promise<unknown> {
  const socketPath = controlPath(config)
  const text = await new Promise<string>((resolve, reject) => {
    const asked = httpRequest({ socketPath, method, path }, (response) => {
      let received = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        received += chunk
      })
      response.on('end', () => resolve(received))
      response.on('error', (error) => reject(new CliError(endedEarly(socketPath, error))))
    })
    asked.on('error', (error) => reject(new CliError(`no server answers at ${socketPath}: ${error.message}`)))
    asked.end()
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new CliError(
      `what answers at ${socketPath} does not speak JSON: "${printable(text, 60)}"; is it a Centra PXE server of this version?`,
    )
  }
}

function endedEarly(socketPath: string, { message }: Error): string {
  return `the server at ${socketPath} ended in the middle of its answer (${message}): its log says why; ask again when it runs`
}

/**
 * Every event after `after` from the running server, until it stops or the signal aborts. Resolves with whether the
 * server was there at all.
 */
export function followServer(
  socketPath: string,
  after: number,
  onLine: (line: string) => void,
  signal?: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const path = `/v1/events?after=${after}`
    const asked = httpRequest(
      { socketPath, path, ...(signal === undefined ? {} : { signal }) },
      (response) => {
        const lines = createInterface({ input: response })
        lines.on('line', onLine)
        // A connection that is cut (the server ended, or we did) is the end, on whichever of the two it shows.
        for (const ended of [lines, response]) ended.on('error', () => resolve(true))
        lines.on('close', () => resolve(true))
      },
    )
    asked.on('error', () => resolve(false))
    asked.end()
  })
}

/** `followServer` at the control socket of this configuration's server, without an end of its own. */
export function followConfig(
  config: Config,
  after: number,
  onLine: (line: string) => void,
): Promise<boolean> {
  return followServer(controlPath(config), after, onLine)
}
