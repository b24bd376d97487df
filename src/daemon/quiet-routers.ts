import { BootingMachines } from '../app/booting.ts'
import { formatIpv6 } from '../lib/ipv6.ts'
import type { Mac } from '../lib/mac.ts'
import { openQuietRouter } from '../servers/quiet-router.ts'
import type { PlaneOptions } from './planes.ts'

/** Ends iPXE's wait for an IPv6 router, where the network's `quietRouter:` says so. */
export function openQuietRouterPlane({ on, running }: PlaneOptions): { close(): Promise<void> } {
  const { network, interface: device = '' } = on()
  const { timeline, now } = running
  const booting = new BootingMachines(network.name)
  const tell = (kind: 'ra.sent' | 'ra.off', detail: Readonly<Record<string, string>>, mac?: Mac): void =>
    timeline.emit({
      ...{ time: now(), kind, network: network.name, detail },
      ...(mac === undefined ? {} : { mac }),
    })
  const opened = openQuietRouter({
    interface: device,
    asksFirst: network.probe,
    isBooting: (mac) => booting.has(mac, now()),
    onAnswered: (mac) => tell('ra.sent', {}, mac),
    onRouter: (address) => tell('ra.off', { reason: `${formatIpv6(address)} is a router there` }),
  })
  if (!opened.ok) {
    tell('ra.off', { reason: `${opened.error}: iPXE waits 13 s for an IPv6 router` })
    return { close: async () => {} }
  }
  const leave = timeline.follow((event) => booting.note(event))
  return {
    close: async () => {
      leave()
      opened.value.close()
    },
  }
}
