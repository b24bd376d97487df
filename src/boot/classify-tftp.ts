import type { Mac } from '../lib/mac.ts'
import type { BootRequest, Ingress } from './decision.ts'

/** A TFTP read request. `mac` is known when the client's address is leased. */
export function classifyTftp(names: readonly string[], mac: Mac | undefined, ingress: Ingress): BootRequest {
  return {
    via: 'tftp',
    question: { kind: 'file', names },
    client: { ...(mac === undefined ? {} : { mac }), stage: 'rom', transport: 'tftp' },
    ingress,
    evidence: [],
  }
}

/** A loader asked for by its name over HTTP (`/firmware/NAME`, for UEFI HTTP boot). */
export function classifyFirmware(name: string, mac: Mac | undefined, ingress: Ingress): BootRequest {
  return {
    via: 'http',
    question: { kind: 'file', names: [name] },
    client: { ...(mac === undefined ? {} : { mac }), stage: 'rom', transport: 'http' },
    ingress,
    evidence: [],
  }
}
