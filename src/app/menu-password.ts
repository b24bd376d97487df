import type { BootRequest } from '../boot/decision.ts'
import { fromHex } from '../lib/text.ts'
import type { HttpRequest } from '../model/http.ts'
import type { MenuAccessView } from '../model/world.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** RFC 7617. iPXE sends what it was told in its address only when it is asked for so, and does not show it. */
export const PASSWORD_REALM = 'Basic realm="Centra PXE"'

/**
 * What passwords open for whoever asks; `ask`: it has one to send and is to be asked for it. Undefined where nothing
 * in the menu has a password.
 */
export async function menuAccessFor(
  { question, client }: BootRequest,
  { query, method, peer, authorization }: HttpRequest,
  on: ServedNetwork,
  running: Running,
): Promise<MenuAccessView | 'ask' | undefined> {
  const { config } = running.picture
  const choice = question.kind === 'run' ? question.choice : undefined
  if (config.menu.items === undefined || choice === undefined || client.mac === undefined) return undefined
  const wants = query.get('unlock') === 'yes'
  if (wants && method !== 'HEAD' && authorization === undefined) return 'ask'
  const password = wants && method !== 'HEAD' ? readBasic(authorization ?? '') : undefined
  return running.menuAccess.view(config, {
    ...{ mac: client.mac, peer, network: on.network.name, choice, now: running.now() },
    ...(password === undefined ? {} : { password }),
  })
}

/** Octets. */
const MOST_AUTHORIZATION = 1024

/** Our scripts send the hex of the password's octets, which need no quoting in an address; what is no such thing is a wrong one. */
function readBasic(authorization: string): string {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization.slice(0, MOST_AUTHORIZATION)) ?? []
  const [, hex] = /^menu:([0-9a-f]+)$/i.exec(encoded === undefined ? '' : atob(encoded)) ?? []
  const bytes = hex === undefined ? undefined : fromHex(hex.toLowerCase())
  return bytes === undefined ? '' : new TextDecoder().decode(bytes)
}
