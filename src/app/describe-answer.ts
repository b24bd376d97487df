import type { Action } from '../boot/decision.ts'
import type { Destination } from '../boot/reply-dhcp.ts'
import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Script } from '../model/script.ts'

/** A boot decision in a few words; `server` is our address on that network. */
export function describeAction(action: Action, server: Ipv4): string {
  switch (action.kind) {
    case 'boot-file':
      return action.url === undefined
        ? `boot-file ${action.file.name} over ${action.over} from ${formatIpv4(server)}`
        : `boot-file ${action.url}`
    case 'script-url':
      return `script-url ${action.url}`
    case 'no-boot':
      return `no boot file: ${action.reason}`
    case 'ignore':
      return `no answer: ${action.reason}`
    case 'refuse':
      return `refused: ${action.reason}`
    case 'file':
      return `file ${action.file.name}`
    case 'document':
      return `document ${action.document.name}`
    case 'script':
      return action.boots === undefined
        ? describeScript(action.script)
        : `script boots ${action.boots.image} as ${action.boots.profile}`
    default:
      return action satisfies never
  }
}

function describeScript(script: Script): string {
  if (script.kind === 'refusal') return `script refusal: ${script.lines[0] ?? ''}`
  return script.kind === 'local-disk' ? `script local-disk: ${script.because}` : `script ${script.kind}`
}

/** Where a reply goes, in words. */
export function describeDestination(to: Destination): string {
  switch (to.kind) {
    case 'broadcast':
      return 'broadcast'
    case 'unicast':
      return `unicast to ${formatIpv4(to.address)}`
    case 'link':
      return `unicast to ${formatIpv4(to.address)} at ${to.mac}, without ARP`
    case 'relay':
      return `to the relay ${formatIpv4(to.address)}, port ${to.port}`
    case 'sender':
      return `back to ${formatIpv4(to.address)}, port ${to.port}`
    default:
      return to satisfies never
  }
}
