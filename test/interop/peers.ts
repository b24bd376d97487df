/** Other TFTP servers, on hosts of their own: a defect that a client shows with all of them is its own. */
import { createSocket } from 'node:dgram'
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Program } from '../../bench/peers.ts'
import type { PrivateNetwork } from '../helpers/netns.ts'

export const PEER_SERVERS = ['dnsmasq', 'tftpd-hpa', 'atftpd'] as const
export type PeerServer = (typeof PEER_SERVERS)[number]

const ARGUMENTS: Readonly<Record<PeerServer, (folder: string) => readonly string[]>> = {
  dnsmasq: (folder) => [
    ...['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--pid-file='],
    ...['--enable-tftp', `--tftp-root=${folder}`, '--log-facility=/dev/null'],
  ],
  'tftpd-hpa': (folder) => ['--foreground', '--user', 'root', '--secure', folder],
  atftpd: (folder) => [
    ...['--daemon', '--no-fork', '--maxthread', '100', '--user', 'root', '--group', 'root'],
    ...['--logfile', '/dev/null', folder],
  ],
}

/** Starts one on a host of its own, which has the address; its cable's other end is `port`. */
export function startPeer(
  net: PrivateNetwork,
  name: PeerServer,
  { path, env }: Program,
  { address, port, folder }: { readonly address: string; readonly port: string; readonly folder: string },
): void {
  const host = net.host(`peer-${name}`)
  net.veth({ name: port }, { name: 'eth0', address: `${address}/24`, host })
  mkdirSync(folder, { recursive: true })
  const settings = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  const child = host.spawn('env', [...settings, path, ...ARGUMENTS[name](folder)])
  child.stdout?.resume()
  child.stderr?.resume()
}

/** Asks for a file until something answers; false after ten seconds. */
export async function answersTftp(address: string, file: string): Promise<boolean> {
  const socket = createSocket('udp4')
  let hasAnswered = false
  socket.on('message', () => {
    hasAnswered = true
  })
  socket.on('error', () => {})
  for (let tries = 0; tries < 100 && !hasAnswered; tries += 1) {
    socket.send(Buffer.from(`\0\x01${file}\0octet\0`), 69, address)
    await sleep(100)
  }
  socket.close()
  return hasAnswered
}
