import { answerRead } from '../app/answer-read.ts'
import { servedFrom } from '../app/answer-tftp.ts'
import type { Running } from '../app/running.ts'
import { formatIpv4 } from '../lib/ipv4.ts'
import type { TftpLimits } from '../model/tftp-limits.ts'
import { TFTP_ERROR } from '../protocol/tftp/packet.ts'
import { interfaceMtu } from '../servers/mtu.ts'
import { openSegmentingUdp, openUdp } from '../servers/socket.ts'
import { serveTftp, type TftpServer } from '../servers/tftp.ts'
import { TftpFiles } from '../servers/tftp-files.ts'
import type { PlaneOptions } from './planes.ts'
import { TftpTeller } from './tell-tftp.ts'

/** Of every network: they publish the same. */
const FILES = new TftpFiles()

/** IP, UDP and TFTP headers: a block that is longer than the MTU less these is cut into fragments, which ROMs cannot take. */
const BLOCK_HEADERS = 32
/** Of an interface that does not tell its own. */
const STANDARD_MTU = 1500

/** The configured limits, with the largest block that leaves this interface in one piece. */
function limitsOn(mtu: number | undefined, { picture }: Running): TftpLimits {
  const limits = picture.config.server.limits.tftp
  return { ...limits, blksize: Math.min(limits.blksize, (mtu ?? STANDARD_MTU) - BLOCK_HEADERS) }
}

/**
 * TFTP on port 69 of the network's address, with a socket of its own for each transfer (RFC 1350 §4). Rejects as
 * the sockets do.
 */
export async function openTftp({ on, running, onFault }: PlaneOptions): Promise<TftpServer> {
  const { interface: name, address } = on()
  const bind = { address: formatIpv4(address), interface: name }
  const where = `TFTP on ${name ?? bind.address}`
  const mtu = name === undefined ? undefined : interfaceMtu(name)
  const teller = new TftpTeller(running)
  return serveTftp({
    socket: await openUdp({ ...bind, port: 69 }),
    openTransferSocket: () => openSegmentingUdp({ ...bind, port: 0 }),
    answer: async ({ names, client }) => {
      const served = servedFrom(client.address, on(), running)
      teller.asked(served)
      const answer = await answerRead(names, client.address, served, running)
      const { fileSize } = running.picture.config.server.limits.tftp
      if (answer.kind === 'file' && answer.file.size > fileSize)
        return {
          kind: 'refuse',
          code: TFTP_ERROR.undefined,
          message: `larger than limits.tftp.fileSize, ${fileSize} octets`,
        }
      if (answer.kind === 'file') {
        const { name, file, attempt } = answer
        const content = await FILES.open(file)
        if (attempt === undefined) return { kind: 'file', name, content }
        // Who forges a source address is not heard of.
        const onHeard = (): void => void attempt.begins().catch((error: unknown) => onFault(where, error))
        return { kind: 'file', name, content, onHeard, beforeLast: () => attempt.ends() }
      }
      if (answer.kind === 'text')
        return {
          kind: 'file',
          name: answer.name,
          content: new TextEncoder().encode(answer.text),
          onHeard: () => void answer.onHeard().catch((error: unknown) => onFault(where, error)),
        }
      const expected = answer.expected === undefined ? {} : { expected: answer.expected }
      return { kind: 'refuse', code: TFTP_ERROR.fileNotFound, message: 'file not found', ...expected }
    },
    observe: (observation) => {
      if (observation.kind === 'fault') onFault(where, observation.error)
      else if (observation.kind === 'send-failed') onFault(where, observation.reason)
      else if (observation.kind === 'ignored') teller.ignored(on())
      else teller.tell(observation, servedFrom(observation.client.address, on(), running))
    },
    limits: () => limitsOn(mtu, running),
  })
}
