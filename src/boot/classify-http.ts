import { parseIpv4 } from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { fromHex, printable } from '../lib/text.ts'
import type { Step } from '../model/rules.ts'
import type { ScriptForm } from '../model/script.ts'
import { archOfName, type ClientArch } from '../protocol/iana/arch.ts'
import type { BootRequest, FailedStep, Ingress, Question } from './decision.ts'

export interface ScriptRequest {
  readonly form: ScriptForm
  readonly boot: BootRequest
}

const STEP = /^[a-z][a-z-]{0,31}$/
const CHOICE = /^[a-z0-9][a-z0-9-]{0,62}$/
const ERRNO = /^(0x)?[0-9a-f]{1,8}$/i

/** iPXE's `${buildarch}` and `${platform}` as the client architecture they stand for. */
const BUILDS: Readonly<Record<string, ClientArch>> = {
  'i386 pcbios': 'bios-x86',
  'x86_64 pcbios': 'bios-x86',
  'i386 efi': 'uefi-ia32',
  'x86_64 efi': 'uefi-x64',
  'arm32 efi': 'uefi-arm32',
  'arm64 efi': 'uefi-arm64',
}

/** `/boot.ipxe`, asked by an iPXE that has not said who it is. */
export function classifyIdentify(ingress: Ingress): BootRequest {
  return {
    via: 'http',
    question: { kind: 'identify' },
    client: { stage: 'ipxe', transport: 'http' },
    ingress,
    evidence: [{ rule: 'client.stage', outcome: 'ipxe (asks for a script)', from: 'packet' }],
  }
}

/**
 * iPXE 2.0 on UEFI asks for `autoexec.ipxe` beside itself and at the root, over what it was loaded by, and runs it before it
 * opens a card (ipxe src/interface/efi/efi_autoexec.c). `mac` is the machine whose lease asks.
 */
export function classifyAutoexec(mac: Mac | undefined, ingress: Ingress, via: 'tftp' | 'http'): BootRequest {
  return {
    ...{ via, question: { kind: 'identify', opens: true }, ingress },
    client: { ...(mac === undefined ? {} : { mac }), stage: 'ipxe', transport: via },
    evidence: [{ rule: 'client.stage', outcome: 'ipxe (asks for autoexec.ipxe)', from: 'packet' }],
  }
}

const FORMS: readonly ScriptForm[] = ['ipxe', 'grub', 'pxelinux']

/** `/boot/MAC.ipxe?...`, `.grub` or `.pxelinux`, also with PXELINUX's `01-` (Ethernet) before it; the error is one sentence. What is odd in the query is left out. */
export function classifyScript(
  name: string,
  query: URLSearchParams,
  ingress: Ingress,
): Result<ScriptRequest, string> {
  const match = /^(?:01-(?=(?:..-){5}))?(.{1,17})\.(ipxe|grub|pxelinux)$/.exec(name)
  const mac = match?.[1] === undefined ? undefined : parseMac(match[1])
  if (match === null || mac === undefined)
    return err('expected a MAC address and .ipxe, such as /boot/52-54-00-12-34-56.ipxe')
  const form = FORMS.find((one) => one === match[2]) ?? 'ipxe'
  return ok({ form, boot: { ...scriptRequest(mac, query, form), ingress } })
}

/** `/boot/MAC.efi`, asked by UEFI HTTP boot that was sent there; undefined for another name. */
export function classifyProgram(name: string, ingress: Ingress): BootRequest | undefined {
  const mac = name.endsWith('.efi') ? parseMac(name.slice(0, -'.efi'.length)) : undefined
  if (mac === undefined) return undefined
  return {
    ...{ via: 'http', question: { kind: 'run' }, ingress },
    client: { mac, stage: 'rom', transport: 'http', loader: 'firmware' },
    evidence: [
      { rule: 'client.stage', outcome: 'rom (UEFI HTTP boot asks for its program)', from: 'packet' },
    ],
  }
}

function scriptRequest(mac: Mac, query: URLSearchParams, form: ScriptForm): Omit<BootRequest, 'ingress'> {
  const stage: Step = { rule: 'client.stage', outcome: `${form} (asks for its script)`, from: 'packet' }
  // Most ask with nothing but their name.
  const loader = form === 'ipxe' ? {} : { loader: form }
  if (query.size === 0) {
    const client = { mac, stage: 'ipxe', transport: 'http', ...loader } as const
    return { via: 'http', question: { kind: 'run' }, client, evidence: [stage] }
  }
  const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.exec(query.get('uuid') ?? '')?.[0].toLowerCase()
  const arch =
    BUILDS[`${query.get('arch')} ${query.get('platform')}`] ?? archOfName(query.get('arch') ?? '')?.name
  const said = {
    serial: readHexText(query.get('serial')),
    assetTag: readHexText(query.get('asset')),
    manufacturer: readHexText(query.get('manufacturer')),
    product: readHexText(query.get('product')),
    loaderVersion: readText(query.get('version')),
    address: parseIpv4(query.get('ip') ?? ''),
  }
  const evidence: Step[] = [
    ...(arch === undefined
      ? []
      : [{ rule: 'client.arch', outcome: `${arch} (query)`, from: 'packet' } as const]),
    stage,
  ]
  return {
    via: 'http',
    question: question(query),
    client: {
      mac,
      ...(uuid === undefined ? {} : { uuid }),
      ...(arch === undefined ? {} : { arch }),
      ...present(said),
      ...loader,
      stage: 'ipxe',
      transport: 'http',
    },
    evidence,
  }
}

function question(query: URLSearchParams): Question {
  const choice = query.get('choice')
  const failed = readFailed(query)
  return {
    kind: 'run',
    ...(choice !== null && CHOICE.test(choice) ? { choice } : {}),
    ...(query.get('confirmed') === 'yes' ? { confirmed: true } : {}),
    ...(failed === undefined ? {} : { failed }),
    ...(query.get('queued') === 'yes' ? { queued: true } : {}),
    ...(query.get('again') === 'yes' ? { again: true } : {}),
  }
}

/** A step that is no name of ours is still a failure: it is told as `unknown`. */
function readFailed(query: URLSearchParams): FailedStep | undefined {
  const step = query.get('failed')
  if (step === null) return undefined
  const errno = query.get('errno') ?? ''
  const url = readUrl(query.get('url'))
  return {
    step: STEP.test(step) ? step : 'unknown',
    ...(url === undefined ? {} : { url }),
    ...(ERRNO.test(errno) ? { errno: errno.replace(/^0x/i, '').toLowerCase().padStart(8, '0') } : {}),
  }
}

/** SMBIOS texts come as the hex of their bytes, since they could be anything. */
function readHexText(hex: string | null): string | undefined {
  const bytes = hex === null || hex === '' || hex.length > 256 ? undefined : fromHex(hex)
  return bytes === undefined ? undefined : printable(bytes, 64)
}

function readText(text: string | null): string | undefined {
  // A plus sign, as in iPXE's version, is a blank to whoever reads a query.
  return text === null || text === '' ? undefined : printable(text.replaceAll(' ', '+'), 64)
}

/** What a machine says it could not load. Only shown, but shown as a URL: so it must be one. */
function readUrl(hex: string | null): string | undefined {
  const bytes = hex === null || hex.length > 1024 ? undefined : fromHex(hex)
  const text = String.fromCharCode(...(bytes ?? []))
  const fits = /^(https?|tftp):\/\/[\x21-\x7e]{1,400}$/.test(text)
  return fits && URL.canParse(text) ? text : undefined
}

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>
}
