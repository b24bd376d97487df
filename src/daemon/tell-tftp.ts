import { machineAt } from '../app/answer-tftp.ts'
import { logTftp } from '../app/observe-exchange.ts'
import { nodeOf } from '../app/observe-http.ts'
import type { Running } from '../app/running.ts'
import type { ServedNetwork } from '../app/served-network.ts'
import type { TransferHandle } from '../app/transfers.ts'
import type { BootEvent } from '../model/event.ts'
import { withoutNonce } from '../model/intent.ts'
import { TFTP_ERROR } from '../protocol/tftp/packet.ts'
import type { TftpObservation } from '../servers/tftp-exchange.ts'

type Happened = Exclude<TftpObservation, { readonly kind: 'fault' | 'send-failed' | 'ignored' }>

/** What the TFTP server of one socket observes, for the timeline, the counters and the access log. */
export class TftpTeller {
  readonly #running: Running
  /** By the client's address and port. */
  readonly #transfers = new Map<string, TransferHandle>()

  constructor(running: Running) {
    this.#running = running
  }

  /** A request for a file came. */
  asked(on: ServedNetwork): void {
    this.#running.planes.add('tftp_requests', on.network.name)
  }

  /** A datagram that is no request, or of nobody who has a transfer. */
  ignored(on: ServedNetwork): void {
    this.#running.planes.add('tftp_ignored', on.network.name)
  }

  /** Events that cost a sender one datagram each are told in sums when there are many. */
  tell(happened: Happened, on: ServedNetwork): void {
    const running = this.#running
    const observation = withoutNonces(happened)
    const event = this.#track(observation, tftpEvent(observation, on, running))
    count(observation, on, running)
    logEnd(observation, event, running)
    const noticed = { who: `tftp ${observation.client.address}`, network: on.network.name }
    // These cost a sender one datagram each.
    const isCheap =
      observation.kind !== 'start' && observation.kind !== 'progress' && observation.kind !== 'done'
    const told = isCheap
      ? running.attention.note({ ...noticed, isKnown: event.mac !== undefined }, running.now())
      : 1
    if (told > 0)
      running.timeline.emit(told === 1 ? event : { ...event, detail: { ...event.detail, untold: told - 1 } })
  }

  #track(observation: Happened, event: BootEvent): BootEvent {
    const key = `${observation.client.address}:${observation.client.port}`
    if (observation.kind === 'start') {
      const { network = '', address = '', mac, node } = event
      const owner = {
        ...({ plane: 'tftp', network, address, file: observation.name } as const),
        ...(mac === undefined ? {} : { mac }),
        ...(node === undefined ? {} : { node }),
      }
      this.#transfers.set(key, this.#running.transfers.begin(owner, observation.size))
    } else if (observation.kind === 'progress') {
      const rate = this.#transfers.get(key)?.moved(observation.bytes)
      if (rate !== undefined) return { ...event, detail: { ...event.detail, rate } }
    } else if (observation.kind !== 'refused') {
      // A refused request says nothing of the transfer that its port has.
      this.#transfers.get(key)?.end()
      this.#transfers.delete(key)
    }
    return event
  }
}

function withoutNonces(happened: Happened): Happened {
  const name = withoutNonce(happened.name)
  return happened.kind === 'refused'
    ? { ...happened, name, reason: withoutNonce(happened.reason) }
    : { ...happened, name }
}

function tftpEvent(observation: Happened, on: ServedNetwork, running: Running): BootEvent {
  const { client, kind, name: file, ...happened } = observation
  const { milliseconds, code: _, ...detail } = { milliseconds: undefined, code: undefined, ...happened }
  const mac = machineAt(client.address, on, running)
  if (mac !== undefined && kind === 'done')
    running.seen.note(mac, on.network.name, running.now(), { stage: 'loader' })
  return {
    time: running.now(),
    kind: `tftp.${kind}`,
    ...(mac === undefined ? {} : { mac }),
    ...nodeOf(mac, running),
    network: on.network.name,
    address: client.address,
    detail: { file, ...detail, ...(milliseconds === undefined ? {} : { ms: milliseconds }) },
  }
}

function count(observation: Happened, on: ServedNetwork, { planes }: Running): void {
  const { name } = on.network
  switch (observation.kind) {
    case 'start':
    case 'progress':
      break
    case 'refused': {
      // A name that is not published was counted when it was asked for.
      if (observation.code !== TFTP_ERROR.fileNotFound) planes.add('tftp_requests', name)
      planes.add('tftp_refused', `${name} ${refusal(observation.code)}`)
      break
    }
    case 'probe':
      planes.add('tftp_transfers', `${name} probe`)
      break
    case 'done':
    case 'failed': {
      const isUnconfirmed = observation.kind === 'done' && observation.warning !== undefined
      planes.add('tftp_transfers', `${name} ${isUnconfirmed ? 'unconfirmed' : observation.kind}`)
      planes.add('tftp_sent_bytes', name, observation.bytes)
      planes.add('tftp_retransmissions', name, observation.retransmitted ?? 0)
      break
    }
    default:
      observation satisfies never
  }
}

const REFUSALS: Readonly<Record<number, string>> = {
  [TFTP_ERROR.undefined]: 'undefined',
  [TFTP_ERROR.fileNotFound]: 'file-not-found',
  [TFTP_ERROR.accessViolation]: 'access-violation',
  [TFTP_ERROR.illegalOperation]: 'illegal-operation',
}

function refusal(code: number | undefined): string {
  return code === undefined ? 'no-room' : (REFUSALS[code] ?? 'other')
}

function logEnd(observation: Happened, event: BootEvent, running: Running): void {
  const { kind } = observation
  if (kind === 'start' || kind === 'progress') return
  const octets = kind === 'done' || kind === 'failed' ? observation.bytes : 0
  const outcome = kind === 'refused' ? `refused: ${refusal(observation.code)}` : kind
  logTftp(event, outcome, octets, running)
}
