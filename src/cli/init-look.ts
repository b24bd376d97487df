import { interfacesToAsk, type Wishes } from '../config/propose.ts'
import type { Hearing, Host } from '../model/host.ts'
import { hearDhcpServers, LISTEN_SECONDS } from '../servers/dhcp-probe.ts'
import { lookAtHost } from '../servers/interfaces.ts'
import type { InitFlags } from './init-flags.ts'
import { say } from './output.ts'

export interface Surroundings {
  readonly host: Host
  readonly hearing: Hearing
}

/** The interfaces of this machine, and who answers DHCP there. Takes some seconds, unless nobody may be asked. */
export async function lookAround(wishes: Wishes, flags: InitFlags): Promise<Surroundings> {
  const host = lookAtHost()
  return { host, hearing: await hear(host, wishes, flags) }
}

async function hear(host: Host, wishes: Wishes, { probe }: InitFlags): Promise<Hearing> {
  if (!probe) return { kind: 'not-listened', why: '--no-probe' }
  const names = interfacesToAsk(host, wishes).flatMap(({ name, mac }) => (mac === undefined ? [] : [name]))
  if (names.length === 0) return { kind: 'not-listened', why: 'no interface to ask on is up and running' }
  say(`asking for DHCP servers on ${names.join(', ')} (${LISTEN_SECONDS} s)`)
  const hearing = await hearDhcpServers(names)
  if (hearing.kind === 'not-listened') say(`did not look for DHCP servers: ${hearing.why}`)
  return hearing
}
