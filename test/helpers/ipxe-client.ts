import { once } from 'node:events'
import type { Host, PrivateNetwork } from './netns.ts'
import { eventually } from './server.ts'

/** A machine whose iPXE is a program on Linux, `linuxIpxe`, on a link with us. */
export class IpxeClient {
  readonly #ipxe: string
  readonly #host: Host

  /** We are 10.77.0.1 on `prov0`. */
  constructor(ipxe: string, net: PrivateNetwork) {
    this.#ipxe = ipxe
    const host = net.host('client')
    this.#host = host
    net.veth({ name: 'port1' }, { name: 'eth0', host })
    net.bridge('prov0', ['port1'], { address: '10.77.0.1/24' })
    host.run('ip', 'tuntap', 'add', 'tap0', 'mode', 'tap')
    host.run('ip', 'link', 'add', 'br0', 'type', 'bridge')
    for (const port of ['eth0', 'tap0']) host.run('ip', 'link', 'set', port, 'master', 'br0', 'up')
    host.run('ip', 'link', 'set', 'br0', 'up')
  }

  /** Power on, with these settings (`name=value`), until `isOver`; seconds. */
  async boot(mac: string, settings: readonly string[], isOver: (screen: string) => boolean): Promise<number> {
    const given = settings.flatMap((setting) => ['--settings', setting])
    const begun = performance.now()
    const child = this.#host.spawn(this.#ipxe, ['--net', `tap,if=tap0,mac=${mac}`, ...given])
    let screen = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('latin1').on('data', (part) => {
        screen += String(part)
      })
    try {
      await eventually('iPXE to come to its end', () => (isOver(screen) ? true : undefined))
      return (performance.now() - begun) / 1000
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : ''}: ${screen.slice(-2000)}`)
    } finally {
      const isGone = child.exitCode !== null || child.signalCode !== null
      const gone = isGone ? undefined : once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  }
}
