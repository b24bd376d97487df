import { formatIpv4, type Ipv4, parseIpv4 } from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import type { Network } from '../model/config.ts'
import type { ScriptForm } from '../model/script.ts'
import type { BootRequest, Ingress } from './decision.ts'

/** Whose configuration a name asks for. `anyone`: whoever asks, the end of every loader's walk. */
export type NamedMachine =
  | { readonly kind: 'mac'; readonly mac: Mac }
  | { readonly kind: 'uuid'; readonly uuid: string }
  | { readonly kind: 'address'; readonly address: Ipv4 }
  | { readonly kind: 'anyone' }

/** A name by which a loader looks for the configuration of its machine. */
export interface OwnName {
  readonly form: Exclude<ScriptForm, 'ipxe'>
  readonly of: NamedMachine
  /** The menu entry that somebody chose, which our own menus put behind the name. */
  readonly choice?: string
  readonly confirmed?: true
  /** What our own scripts for a GRUB without HTTP put behind it: a step failed, or a place in the queue is asked for. */
  readonly because?: 'failed' | 'queued'
}

const PXELINUX = /(?:^|\/)pxelinux\.cfg\/([^/]{1,64})(?:\/([a-z0-9][a-z0-9-]{0,62})(\/confirmed)?)?$/
const GRUB =
  /(?:^|\/)grub\.cfg(?:-([^/+]{1,64})(?:\/([a-z0-9][a-z0-9-]{0,62})(\/confirmed)?)?(?:\+(failed|queued))?)?$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** The hardware type before the address: 01 is Ethernet (RFC 826). */
const HARDWARE_TYPE = /^[0-9a-f]{2}-(?=([0-9a-f]{2}-){5}[0-9a-f]{2}$)/i

/**
 * Reads the names that PXELINUX, U-Boot and petitboot (`pxelinux.cfg/01-52-54-00-12-34-56`, a UUID, an address in hex,
 * `default`; syslinux doc/pxelinux.txt) and GRUB (`grub.cfg-01-52-54-00-12-34-56`, ..., `grub.cfg`; manual 2.12, "Network") ask
 * for, below whatever folder; undefined for any other name, and for an address that is not whole.
 */
export function readOwnName(name: string): OwnName | undefined {
  const [, pxelinux, choice, confirmed] = PXELINUX.exec(name) ?? []
  if (pxelinux !== undefined) {
    const of = /^default(-|$)/.test(pxelinux) ? ({ kind: 'anyone' } as const) : machineOf(pxelinux)
    return of === undefined ? undefined : { form: 'pxelinux', of, ...chosen(choice, confirmed) }
  }
  const grub = GRUB.exec(name)
  if (grub === null) return undefined
  const [, machine, entry, isConfirmed, because] = grub
  const of = machine === undefined ? ({ kind: 'anyone' } as const) : machineOf(machine)
  if (of === undefined) return undefined
  return {
    ...{ form: 'grub', of, ...chosen(entry, isConfirmed) },
    ...(because === 'failed' || because === 'queued' ? { because } : {}),
  }
}

function chosen(
  choice: string | undefined,
  confirmed: string | undefined,
): Pick<OwnName, 'choice' | 'confirmed'> {
  return {
    ...(choice === undefined ? {} : { choice }),
    ...(confirmed === undefined ? {} : { confirmed: true }),
  }
}

/** Whether loaders try such names one after the other: one that is not there is no trouble. */
export function isOfAWalk(name: string): boolean {
  return /(?:^|\/)(?:pxelinux\.cfg\/|grub\.cfg)/.test(name)
}

function machineOf(text: string): NamedMachine | undefined {
  if (UUID.test(text)) return { kind: 'uuid', uuid: text.toLowerCase() }
  const mac = parseMac(text.replace(HARDWARE_TYPE, ''))
  if (mac !== undefined) return { kind: 'mac', mac }
  if (!/^[0-9a-f]{8}$/i.test(text)) return undefined
  return { kind: 'address', address: Number.parseInt(text, 16) as Ipv4 }
}

/** Who asks: the address, and the machine whose lease that is. */
export interface Asker {
  /** Dotted decimal. */
  readonly peer: string
  readonly mac: Mac | undefined
  readonly network: Network
}

/** The question of a name, as the script's own address asks it. */
export interface OwnRequest {
  readonly boot: BootRequest
  /** Only a described machine gets an answer: whoever asks is not, or cannot be shown to be, the machine of the name. */
  readonly isForNode: boolean
}

/**
 * What a name asks for. The asker's own names mean the asker; another machine's name means that one if a node describes it;
 * a UUID proves nothing, so that it tells a node only beside the asker's own lease. undefined: nobody's.
 */
export function classifyOwnName(
  { form, of, choice, confirmed, because }: OwnName,
  asker: Asker,
  ingress: Ingress,
  via: 'tftp' | 'http',
): OwnRequest | undefined {
  const mac = of.kind === 'mac' ? of.mac : isAskers(of, asker) ? asker.mac : undefined
  if (mac === undefined) return undefined
  const question = {
    kind: 'run',
    ...(choice === undefined ? {} : { choice }),
    ...(confirmed === undefined ? {} : { confirmed }),
    ...(because === 'failed' ? { failed: { step: 'boot' } } : {}),
    ...(because === 'queued' ? { queued: true } : {}),
  } as const
  const outcome = `${form} (asks for its configuration by ${described(of)})`
  return {
    boot: {
      ...{ via, question, ingress },
      client: {
        ...{ mac, stage: 'ipxe', transport: via, loader: form },
        ...(of.kind === 'uuid' ? { uuid: of.uuid } : {}),
      },
      evidence: [{ rule: 'client.stage', outcome, from: 'packet' }],
    },
    isForNode: of.kind === 'uuid' || (mac !== asker.mac && !isBelieved(asker)),
  }
}

function isAskers(of: NamedMachine, { peer }: Asker): boolean {
  return of.kind !== 'address' || of.address === parseIpv4(peer)
}

/** Where somebody else gives the addresses and nobody listens, no lease tells who asks: the name is all there is. */
function isBelieved({ mac, network }: Asker): boolean {
  return mac === undefined && (network.dhcp === 'off' || network.dhcp === 'observe')
}

function described(of: NamedMachine): string {
  switch (of.kind) {
    case 'mac':
      return of.mac
    case 'uuid':
      return `UUID ${of.uuid}`
    case 'address':
      return formatIpv4(of.address)
    case 'anyone':
      return 'no name of its own'
    default:
      return of satisfies never
  }
}
