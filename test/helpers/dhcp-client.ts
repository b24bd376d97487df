import assert from 'node:assert/strict'
import { answerDhcp } from '../../src/app/answer-dhcp.ts'
import type { Running } from '../../src/app/running.ts'
import type { ServedNetwork } from '../../src/app/served-network.ts'
import type { DhcpReply } from '../../src/boot/reply-dhcp.ts'
import { ANY_ADDRESS, formatIpv4, type Ipv4 } from '../../src/lib/ipv4.ts'
import { type Mac, macToBytes } from '../../src/lib/mac.ts'
import { encodeDhcp4 } from '../../src/protocol/dhcp4/encode.ts'
import { blankMessage, type DhcpOption } from '../../src/protocol/dhcp4/message.ts'
import type { MessageType } from '../../src/protocol/dhcp4/message-types.ts'
import { ipv4Value, messageTypeValue, textValue } from '../../src/protocol/dhcp4/option-values.ts'
import { OPTION } from '../../src/protocol/iana/options.ts'

/** A client without sockets: what it sends is encoded and answered as from the wire. */
export class DhcpClient {
  readonly mac: Mac
  readonly #running: Running
  readonly #on: ServedNetwork
  #address: Ipv4 = ANY_ADDRESS

  constructor(mac: Mac, { running, on }: { readonly running: Running; readonly on: ServedNetwork }) {
    this.mac = mac
    this.#running = running
    this.#on = on
  }

  /** Dotted decimal of the address it has. */
  get address(): string {
    return formatIpv4(this.#address)
  }

  discover(): Promise<DhcpReply | undefined> {
    return this.send('DISCOVER')
  }

  /** DISCOVER, OFFER, REQUEST, ACK; undefined when the last of them does not come. */
  async dora(): Promise<DhcpReply | undefined> {
    const offer = await this.discover()
    assert.equal(offer?.type, 'OFFER')
    return this.request(offer.message.yiaddr)
  }

  /** SELECTING. */
  async request(address: Ipv4, server: Ipv4 = this.#on.address): Promise<DhcpReply | undefined> {
    return this.#keep(
      await this.send('REQUEST', ANY_ADDRESS, [
        { code: OPTION.requestedAddress, data: ipv4Value(address) },
        { code: OPTION.serverIdentifier, data: ipv4Value(server) },
      ]),
    )
  }

  async renew(): Promise<DhcpReply | undefined> {
    return this.#keep(await this.send('REQUEST', this.#address))
  }

  /** RENEWING an address that it says it has. */
  renewOf(address: Ipv4): Promise<DhcpReply | undefined> {
    return this.send('REQUEST', address)
  }

  release(): Promise<DhcpReply | undefined> {
    const server = { code: OPTION.serverIdentifier, data: ipv4Value(this.#on.address) }
    return this.send('RELEASE', this.#address, [server])
  }

  decline(): Promise<DhcpReply | undefined> {
    return this.send('DECLINE', ANY_ADDRESS, [
      { code: OPTION.requestedAddress, data: ipv4Value(this.#address) },
    ])
  }

  /** A message of an x64 UEFI ROM. */
  send(
    type: MessageType,
    ciaddr: Ipv4 = ANY_ADDRESS,
    options: readonly DhcpOption[] = [],
  ): Promise<DhcpReply | undefined> {
    const chaddr = new Uint8Array(16)
    chaddr.set(macToBytes(this.mac))
    const bytes = encodeDhcp4({
      ...blankMessage('request'),
      xid: 0x11223344,
      ciaddr,
      chaddr,
      options: [
        { code: OPTION.messageType, data: messageTypeValue(type) },
        ...options,
        { code: OPTION.vendorClass, data: textValue('PXEClient:Arch:00007:UNDI:003000') },
        { code: OPTION.clientArch, data: Uint8Array.of(0, 7) },
      ],
    })
    return answerDhcp(bytes, this.#on, this.#running)
  }

  #keep(reply: DhcpReply | undefined): DhcpReply | undefined {
    if (reply?.type === 'ACK') this.#address = reply.message.yiaddr
    return reply
  }
}
