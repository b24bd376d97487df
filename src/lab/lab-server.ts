import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LabPlan } from './plan.ts'

/** The server of a lab, a process of its own. */
export interface LabServer {
  /** Ends it with SIGTERM; resolves when it has gone. Safe to call twice. */
  stop(): Promise<void>
}

/** Seconds for the server to open its sockets. */
const SERVER_TIMEOUT_S = 30
/** Lines that are told when it does not start. */
const LAST_LINES = 20

/** Starts the server as a user would, with its log in the lab's folder. Rejects with its last words when it does not start. */
export async function startLabServer(
  plan: LabPlan,
  [node = '', ...script]: readonly string[],
): Promise<LabServer> {
  const view = plan.payload === undefined ? {} : { payload: plan.payload }
  const args = ['serve', '--config', plan.configFile, '--state-dir', plan.stateDir]
  const child = spawn(node, [...script, ...args, '--lab-view', JSON.stringify(view)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: string[] = []
  const ready = new Promise<boolean>((resolve) => {
    const log = createWriteStream(join(plan.folder, 'server.log'))
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.write(`${line}\n`)
      said.push(line)
      if (said.length > LAST_LINES) said.shift()
      if (line.startsWith('ready ')) resolve(true)
    })
    child.on('exit', () => resolve(false))
  })
  const inTime = await Promise.race([ready, sleep(SERVER_TIMEOUT_S * 1000, false, { ref: false })])
  if (!inTime) throw new Error(`the server did not start:\n${said.join('\n')}`)
  return { stop: () => stop(child) }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
