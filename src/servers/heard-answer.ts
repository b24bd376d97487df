import { ANY_ADDRESS, type Ipv4, ipv4FromBytes } from '../lib/ipv4.ts'
import { printable } from '../lib/text.ts'
import type { HeardServer, OfferedBoot } from '../model/host.ts'
import { decodeDhcp4 } from '../protocol/dhcp4/decode.ts'
import type { DhcpMessage } from '../protocol/dhcp4/message.ts'
import { hasPxeOptions } from '../protocol/dhcp4/option-43.ts'
import {
  bootFileName,
  messageType,
  optionBytes,
  optionIpv4,
  serverIdentifier,
  tftpServerName,
  vendorClass,
} from '../protocol/dhcp4/options.ts'
import { parseEthernetUdp } from '../protocol/frame/ipv4-udp.ts'
import { OPTION } from '../protocol/iana/options.ts'

const CLIENT_PORT = 68

/** Where we listen, and the transactions by which answers to us are known. */
export interface Listening {
  readonly interface: string
  readonly xids: { readonly plain: number; readonly pxe: number }
}

/** The server behind a frame to port 68, be it for us or for another client; undefined for everything else. */
export function readAnswer(frame: Uint8Array, listening: Listening): HeardServer | undefined {
  const udp = parseEthernetUdp(frame)
  if (!udp.ok || udp.value.destinationPort !== CLIENT_PORT) return undefined
  const decoded = decodeDhcp4(udp.value.payload)
  if (!decoded.ok || decoded.value.op !== 'reply') return undefined
  const message = decoded.value
  const type = messageType(message)
  const address = serverIdentifier(message) ?? udp.value.source
  if (type === undefined || address === ANY_ADDRESS) return undefined
  const kind = message.yiaddr === ANY_ADDRESS && type === 'OFFER' ? 'proxy' : 'dhcp'
  const asked = questionOf(message.xid, listening)
  const boot = bootOf(message)
  return {
    interface: listening.interface,
    address,
    mac: udp.value.sourceMac,
    ...(asked === undefined ? {} : { asked }),
    kind,
    ...(asked === undefined || kind === 'proxy' ? {} : { offered: message.yiaddr }),
    ...routerOf(message),
    dns: addresses(message, OPTION.domainNameServer),
    ...(Object.keys(boot).length === 0 ? {} : { boot }),
  }
}

function questionOf(xid: number, { xids }: Listening): HeardServer['asked'] {
  if (xid === xids.pxe) return 'pxe'
  return xid === xids.plain ? 'plain' : undefined
}

function bootOf(message: DhcpMessage): OfferedBoot {
  const texts = {
    tftpServer: tftpServerName(message),
    bootFile: bootFileName(message),
    vendorClass: vendorClass(message),
  }
  const shown = Object.entries(texts).flatMap(([key, text]) =>
    text === undefined || text === '' ? [] : [[key, printable(text)] as const],
  )
  return {
    ...(message.siaddr === ANY_ADDRESS ? {} : { nextServer: message.siaddr }),
    ...Object.fromEntries(shown),
    ...(hasPxeOptions(message) ? { hasPxeOptions: true } : {}),
  }
}

function routerOf(message: DhcpMessage): { readonly router?: Ipv4 } {
  const router = optionIpv4(message, OPTION.router) ?? addresses(message, OPTION.router)[0]
  return router === undefined ? {} : { router }
}

function addresses(message: DhcpMessage, code: number): readonly Ipv4[] {
  const data = optionBytes(message, code) ?? new Uint8Array()
  return Array.from({ length: Math.floor(data.length / 4) }, (_, i) =>
    ipv4FromBytes(data.subarray(i * 4, i * 4 + 4)),
  ).filter((address) => address !== undefined)
}
