import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { supposeMessage } from '../src/boot/suppose.ts'
import { formatIpv4 } from '../src/lib/ipv4.ts'
import type { Mac } from '../src/lib/mac.ts'
import { decodeDhcp4 } from '../src/protocol/dhcp4/decode.ts'
import { encodeDhcp4 } from '../src/protocol/dhcp4/encode.ts'
import { BROADCAST_FLAG, type DhcpMessage } from '../src/protocol/dhcp4/message.ts'
import { bootFileName, messageType, optionBytes, serverIdentifier } from '../src/protocol/dhcp4/options.ts'

/** Milliseconds until each repetition, the last one until it gives up: PXE 2.1 and EDK2, and iPXE's net/udp/dhcp.c. */
const TIMERS = {
  rom: { discover: [4000, 8000, 16_000, 32_000], request: [1000, 2000, 3000, 4000] },
  ipxe: { discover: [1000, 2000, 4000, 8000], request: [250, 500, 1000, 2000, 4000, 8000] },
} as const
/** How long iPXE waits for a proxyDHCP server's offer, where option 175.176 does not tell it not to. */
const PROXY_WAIT_MS = 2000
/** What they ask for: mask, router, name server, server, boot file, iPXE's and PXE's options. */
const ASKED = Buffer.from([1, 3, 6, 12, 15, 17, 26, 42, 43, 54, 60, 66, 67, 97, 175])

export interface Leased {
  readonly address: string
  readonly server: string
  readonly file: string
}

/** What all machines together saw of DHCP. */
export interface DhcpCounts {
  /** Milliseconds from an exchange's first DISCOVER to its OFFER. */
  readonly offerMs: number[]
  repeats: number
  naks: number
  duplicates: number
}

type Stage = keyof typeof TIMERS

/** All machines' DHCP on one socket: replies come by broadcast and are told apart by xid. */
export class DhcpHub {
  readonly counts: DhcpCounts = { offerMs: [], repeats: 0, naks: 0, duplicates: 0 }
  readonly #socket: Socket
  readonly #waiting = new Map<number, (reply: DhcpMessage) => void>()
  readonly #owners = new Map<string, Mac>()
  #xid = 0x51_00_00_00

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes) => {
      // Octets 4 to 7: most replies are for another machine that has gone on.
      const waiting = this.#waiting.get(bytes.readUInt32BE(4))
      const reply = waiting === undefined ? undefined : decodeDhcp4(bytes)
      if (reply?.ok === true && reply.value.op === 'reply') waiting?.(reply.value)
    })
  }

  static async open(): Promise<DhcpHub> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 16 * 1024 * 1024 })
    socket.bind(68)
    await once(socket, 'listening')
    socket.setBroadcast(true)
    return new DhcpHub(socket)
  }

  close(): void {
    this.#socket.close()
  }

  /** A lease, and what to boot; rejects when the firmware would give up. */
  async lease(mac: Mac, stage: Stage): Promise<Leased> {
    this.#xid += 1
    const xid = this.#xid
    const begun = performance.now()
    const common = { mac, arch: 'uefi-x64', stage, via: 'dhcp', form: 'ipxe' } as const
    const asks = (message: Parameters<typeof supposeMessage>[0]['message']): Uint8Array => {
      const supposed = supposeMessage({ ...common, ...(message === undefined ? {} : { message }) })
      return encodeDhcp4({
        ...supposed,
        ...{ xid, flags: BROADCAST_FLAG },
        options: [...supposed.options, { code: 55, data: ASKED }],
      })
    }
    const offer = await this.#ask(xid, asks({ type: 'DISCOVER' }), TIMERS[stage].discover, 'OFFER')
    this.counts.offerMs.push(performance.now() - begun)
    const isAlone = optionBytes(offer, 175)?.[0] === 0xb0
    if (stage === 'ipxe' && !isAlone) await new Promise((resolve) => setTimeout(resolve, PROXY_WAIT_MS))
    const server = serverIdentifier(offer)
    const request = asks({
      ...{ type: 'REQUEST', requested: offer.yiaddr },
      ...(server === undefined ? {} : { server }),
    })
    const ack = await this.#ask(xid, request, TIMERS[stage].request, 'ACK')
    const address = formatIpv4(ack.yiaddr)
    const owner = this.#owners.get(address)
    if (owner !== undefined && owner !== mac) this.counts.duplicates += 1
    this.#owners.set(address, mac)
    return { address, server: formatIpv4(ack.siaddr), file: bootFileName(ack) ?? '' }
  }

  #ask(
    xid: number,
    bytes: Uint8Array,
    waits: readonly number[],
    wanted: 'OFFER' | 'ACK',
  ): Promise<DhcpMessage> {
    return new Promise((resolve, reject) => {
      let turn = 0
      let timer: NodeJS.Timeout | undefined
      const end = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(xid)
      }
      const send = (): void => {
        this.#socket.send(bytes, 67, '255.255.255.255')
        timer = setTimeout(() => {
          turn += 1
          if (turn < waits.length) {
            this.counts.repeats += 1
            send()
          } else {
            end()
            reject(new Error(`DHCP: no ${wanted}`))
          }
        }, waits[turn])
      }
      this.#waiting.set(xid, (reply) => {
        const type = messageType(reply)
        if (type === 'NAK') {
          this.counts.naks += 1
          end()
          reject(new Error('DHCP: NAK'))
        }
        if (type !== wanted) return
        end()
        resolve(reply)
      })
      send()
    })
  }
}
