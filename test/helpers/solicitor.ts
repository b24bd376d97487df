/**
 * A machine that asks for IPv6 routers, or a router: `solicitor.ts '{"interface": "eth0", ...}'`. Prints what it heard as one JSON
 * line: each advertisement in hexadecimal, with its sender.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { formatIpv6 } from '../../src/lib/ipv6.ts'
import { fromHex, toHex } from '../../src/lib/text.ts'
import { encodeRouterSolicitation, ROUTER_ADVERTISEMENT } from '../../src/protocol/icmpv6.ts'
import { addressOf, openIcmpv6Socket } from '../../src/servers/icmpv6-socket.ts'

export interface Solicitation {
  readonly interface: string
  /** The multicast group it is sent to, in hexadecimal. */
  readonly group: string
  /** The message in hexadecimal; absent: a solicitation without options. */
  readonly message?: string
  readonly listenMs: number
}

export interface Heard {
  readonly message: string
  readonly from: string
}

async function run({ interface: name, group, message, listenMs }: Solicitation): Promise<readonly Heard[]> {
  const opened = openIcmpv6Socket({
    ...{ interface: name, group: fromHex(group) ?? new Uint8Array(), types: [ROUTER_ADVERTISEMENT] },
  })
  if (!opened.ok) throw new Error(opened.error)
  const sent = message === undefined ? encodeRouterSolicitation() : fromHex(message)
  if (sent === undefined || !opened.value.sendTo('group', sent)) throw new Error('it was not sent')
  const heard: Heard[] = []
  for (const end = performance.now() + listenMs; performance.now() < end; await sleep(20)) {
    const received = opened.value.receive()
    if (received === undefined) continue
    heard.push({ message: toHex(received.message), from: formatIpv6(addressOf(received.from)) })
  }
  return heard
}

if (import.meta.main)
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '')))}\n`)
