import { formatIpv4 } from '../lib/ipv4.ts'
import type { Config, HttpsUse, Node } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { Ingress } from './decision.ts'

/**
 * The node plane's base URL as this client reaches it: an address, so that no name server is needed. What came over TLS
 * stays there: every address in its scripts is one of HTTPS.
 */
export function nodePlane({ server, secure }: Ingress, { server: ports }: Pick<Config, 'server'>): string {
  const host = formatIpv4(server)
  return secure === true && ports.https !== undefined
    ? `https://${host}:${ports.https.port}`
    : `http://${host}:${ports.httpPort}`
}

/**
 * Whether a client is sent to the HTTPS port for this, and the step that says so; none where nothing is
 * served over HTTPS. Only the operator knows which machines trust the certificate: nothing is tried.
 */
export function sendSecurely(
  use: HttpsUse,
  { config, network: name, node }: HttpsQuestion,
): { readonly secure: boolean; readonly steps: readonly Step[] } {
  const network = config.networks.find((one) => one.name === name)
  if (config.server.https === undefined || network === undefined) return { secure: false, steps: [] }
  const uses = node?.https ?? network.https
  const secure = uses.includes(use)
  const [by, from, { file, line }] =
    node?.https === undefined
      ? ([`network ${network.name}`, 'config', network.origin] as const)
      : ([`node ${node.name}`, 'inventory', node.origin] as const)
  const outcome = `https: ${uses.join(', ') || '[]'} (${by}): ${use} over ${secure ? 'HTTPS' : 'HTTP'}`
  return { secure, steps: [{ rule: 'https.use', outcome, from, cite: `${file}:${line}` }] }
}

export interface HttpsQuestion {
  readonly config: Config
  /** The name of the client's network. */
  readonly network: string
  readonly node: Node | undefined
}
