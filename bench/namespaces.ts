import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { LAN } from './lan.ts'

/** A pair of namespaces with a cable between them: the server's and the load generator's. */
export interface Cable {
  /** The words before a command that runs it in the server's namespace. */
  readonly atServer: readonly string[]
  readonly atClient: readonly string[]
}

/** To be called once, in a private mount namespace: `ip netns` keeps names below /run, and the machine's own stays untouched. */
export function prepareNamespaces(): void {
  run('mount', '-t', 'tmpfs', 'tmpfs', '/run')
  mkdirSync('/run/netns')
}

/** Each contender has its own, with the same addresses, so that all can run at the same time. */
export function layCable(name: string): Cable {
  const [server, client] = [`s-${name}`, `c-${name}`]
  for (const namespace of [server, client]) {
    run('ip', 'netns', 'add', namespace)
    run('ip', '-n', namespace, 'link', 'set', 'lo', 'up')
  }
  const end = ['name', LAN.interface, 'netns']
  run('ip', 'link', 'add', ...end, server, 'type', 'veth', 'peer', ...end, client)
  for (const [namespace, address] of [
    [server, LAN.server],
    [client, LAN.relay],
  ] as const) {
    run('ip', '-n', namespace, 'address', 'add', `${address}/${LAN.prefix}`, 'brd', '+', 'dev', LAN.interface)
    run('ip', '-n', namespace, 'link', 'set', LAN.interface, 'up')
  }
  return { atServer: enter(server), atClient: enter(client) }
}

function enter(namespace: string): readonly string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`, '--']
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
