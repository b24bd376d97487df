import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { peerEnvironment } from './debian-peer.ts'
import type { Host } from './netns.ts'

export interface IscsiTarget {
  readonly name: string
  /** Address and port. */
  readonly portal: string
  /** A file: its only drive, LUN 1. */
  readonly drive: string
}

/** Where tgtd and tgtadm meet; the folder is fixed in both. */
const SOCKETS = '/var/run/tgtd'
const TRIES = 100

/**
 * Debian's tgtd with one target, open to all. `tree`: of its package, unpacked. The result tells who is logged in, as tgtadm says it.
 */
export async function serveIscsi(net: Host, tree: string, target: IscsiTarget): Promise<() => string> {
  mkdirSync(SOCKETS, { recursive: true })
  const environment = ['env', peerEnvironment(tree)]
  net.spawn('env', [
    peerEnvironment(tree),
    path.join(tree, 'usr/sbin/tgtd'),
    '-f',
    '--iscsi',
    `portal=${target.portal}`,
  ])
  for (let tries = 0; !existsSync(`${SOCKETS}/socket.0`); tries += 1) {
    if (tries === TRIES) throw new Error('tgtd does not start')
    await sleep(100)
  }
  const tell = (mode: string, op: string, ...more: readonly string[]): string => {
    const args = [path.join(tree, 'usr/sbin/tgtadm'), '--lld', 'iscsi', '--mode', mode, '--op', op, ...more]
    const [command = '', ...before] = environment
    const { code, stdout, stderr } = net.run(command, ...before, ...args)
    if (code !== 0) throw new Error(`tgtadm ${mode} ${op}: ${stderr}`)
    return stdout
  }
  const tid = ['--tid', '1']
  tell('target', 'new', ...tid, '-T', target.name)
  tell('logicalunit', 'new', ...tid, '--lun', '1', '-b', target.drive)
  tell('target', 'bind', ...tid, '-I', 'ALL')
  return () => tell('target', 'show')
}
