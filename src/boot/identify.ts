import type { Mac } from '../lib/mac.ts'
import type { Node } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import type { Action, BootRequest } from './decision.ts'
import { nodePlane, sendSecurely } from './node-plane.ts'

/**
 * The script with which an iPXE tells which machine it is. Where iPXE asks over the address that DHCP told, that has settled
 * between HTTP and HTTPS; `autoexec.ipxe` comes before that.
 */
export function identifyScript(
  { client: { mac }, ingress }: BootRequest,
  { config }: World,
  {
    opens,
    node,
    steps,
  }: { readonly opens: boolean; readonly node: Node | undefined; readonly steps: Step[] },
): Action {
  if (!opens) return { kind: 'script', script: { kind: 'identify', server: nodePlane(ingress, config) } }
  const sent = sendSecurely('scripts', { config, network: ingress.network, node })
  steps.push(...sent.steps)
  const at = sent.secure ? ({ ...ingress, secure: true } as const) : ingress
  return {
    kind: 'script',
    script: { kind: 'identify', server: nodePlane(at, config), opens: cardOf(mac) },
  }
}

function cardOf(mac: Mac | undefined): { readonly card?: Mac } {
  return mac === undefined ? {} : { card: mac }
}
