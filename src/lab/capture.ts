import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { findProgram } from './packages.ts'

/** tcpdump writing one interface's packets into a pcap file. */
export interface CaptureRun {
  readonly file: string
  /** Ends the capture; the file is whole when this resolves. */
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 5000

/**
 * Starts to capture; resolves when packets are being captured, with undefined when this machine has no tcpdump.
 * Rejects when tcpdump does not start to listen (no such interface, no right to). Of each packet at most `octets` are kept; 0: all.
 */
export async function startCapture(
  interfaceName: string,
  file: string,
  octets = 0,
): Promise<CaptureRun | undefined> {
  const tcpdump = findProgram('tcpdump')
  if (tcpdump === undefined) return undefined
  // -Z root: Debian's tcpdump would otherwise drop to a user that may not write the file. -U: packet by packet.
  // -B, in KiB: with the default of 2 MiB half of a TFTP transfer was missing on a machine busy with emulation.
  const buffer = ['-B', '65536']
  const args = [
    '-i',
    interfaceName,
    '-n',
    '-s',
    String(octets),
    '-U',
    '--immediate-mode',
    ...buffer,
    '-Z',
    'root',
    '-w',
    file,
  ]
  const child = spawn(tcpdump, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const closed = once(child, 'close')
  await new Promise<void>((resolve, reject) => {
    let said = ''
    const timer = setTimeout(() => reject(new Error(`tcpdump does not start: ${said}`)), START_TIMEOUT_MS)
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(0, 1000)
      if (!said.includes('listening on')) return
      clearTimeout(timer)
      resolve()
    })
    closed.then(() => {
      clearTimeout(timer)
      reject(new Error(`tcpdump ended: ${said}`))
    }, reject)
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGINT')
    await closed
  }
  return { file, stop }
}
