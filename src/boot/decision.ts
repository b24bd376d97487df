import type { Ipv4 } from '../lib/ipv4.ts'
import type { Mac } from '../lib/mac.ts'
import type { DocumentPart, InstallerDocument, Template } from '../model/document.ts'
import type { OnceKind } from '../model/intent.ts'
import type { KeysOfNode, PortEvidence } from '../model/node-keys.ts'
import type { Step, Trace } from '../model/rules.ts'
import type { Script, ScriptForm } from '../model/script.ts'
import type { FirmwareFile } from '../model/world.ts'
import type { ClientArch } from '../protocol/iana/arch.ts'
import type { VariableFacts } from './variables.ts'

/** `rom`: firmware, or a loader we do not know; `ipxe`: any iPXE; `os`: everything that does not netboot. */
export type ClientStage = 'rom' | 'ipxe' | 'os'

/**
 * Which firmware or loader asks, where that changes what it is told: how a boot file is named differs between them.
 * `pxe`: PXE ROMs and EDK2. `old-ipxe`: gPXE and xNBA, which run no script that begins with `#!ipxe`.
 */
export type Firmware =
  | 'pxe'
  | 'uefi-http'
  | 'ipxe'
  | 'old-ipxe'
  | 'raspberry-pi'
  | 'u-boot'
  | 'petitboot'
  | 'grub'
  | 'onie'

/** Who acts on a script; `firmware`: UEFI HTTP boot, which loads one program and reads nothing. */
export type ScriptLoader = ScriptForm | 'firmware'

export interface BootClient {
  /** Unknown only over TFTP and HTTP, when no lease tells whose address it is. */
  readonly mac?: Mac
  readonly uuid?: string
  /** What it showed before in the same boot, where that was another. */
  readonly otherUuids?: readonly string[]
  /** Option 61 as hex. */
  readonly clientId?: string
  /** Option 82. */
  readonly port?: PortEvidence
  readonly serial?: string
  readonly assetTag?: string
  readonly manufacturer?: string
  readonly product?: string
  /** The address it says it has; `classify` never takes it for granted. */
  readonly address?: Ipv4
  /** Absent: iPXE, or nobody who asks for a script. */
  readonly loader?: ScriptLoader
  /** iPXE's own version. */
  readonly loaderVersion?: string
  readonly arch?: ClientArch
  /** All that option 93 names, in its order, when there are several. */
  readonly arches?: readonly ClientArch[]
  readonly firmware?: Firmware
  /** An iPXE that says that it is ours. */
  readonly isOurs?: true
  /** Option 93 as a number when IANA's table has no name for it. */
  readonly archCode?: number
  readonly stage: ClientStage
  /** What the client can fetch its next file with. */
  readonly transport: 'tftp' | 'http'
}

/** The network and address of ours on which the client reached us. */
export interface Ingress {
  readonly network: string
  readonly server: Ipv4
  /** Over TLS. */
  readonly secure?: true
  /** Where a request over HTTP came from. */
  readonly peer?: Ipv4
}

/**
 * `where-next`: DHCP's question. `file`: a name over TFTP or HTTP. `identify` and `run`: the two HTTP scripts. `document`: what an
 * installer reads.
 */
export type Question =
  | { readonly kind: 'where-next' }
  | { readonly kind: 'file'; readonly names: readonly string[] }
  /** `opens`: no card is open yet. */
  | { readonly kind: 'identify'; readonly opens?: true }
  | {
      readonly kind: 'document'
      readonly part: DocumentPart
      /** The profile that the machine's last script boots. */
      readonly booted?: string
    }
  | {
      readonly kind: 'run'
      /** The menu entry that somebody chose. */
      readonly choice?: string
      /** The warning of that entry has been read. */
      readonly confirmed?: boolean
      readonly failed?: FailedStep
      /** A queue's script asks once more. */
      readonly queued?: boolean
      /** With `failed`: it is told late, when the machine tries once more. */
      readonly again?: boolean
    }

export interface FailedStep {
  readonly step: string
  /** What could not be loaded, as the machine says. */
  readonly url?: string
  /** iPXE's error number as eight hex digits, as on ipxe.org/NNNNNNNN. */
  readonly errno?: string
}

export interface BootRequest {
  readonly via: 'dhcp' | 'tftp' | 'http'
  readonly question: Question
  readonly client: BootClient
  readonly ingress: Ingress
  /** What classification found, the first steps of the trace. */
  readonly evidence: Trace
}

export type Action =
  | { readonly kind: 'ignore'; readonly reason: string }
  /** Answered, but told nothing about booting; with `nextServer` it is told who we are (siaddr). */
  | { readonly kind: 'no-boot'; readonly reason: string; readonly nextServer?: true }
  | {
      readonly kind: 'boot-file'
      readonly file: FirmwareFile
      readonly over: 'tftp' | 'http'
      /** The file's address, with `over: 'http'`. */
      readonly url?: string
      /** How this client wants it said; default: as PXE does. */
      readonly firmware?: Firmware
    }
  | { readonly kind: 'script-url'; readonly url: string }
  | { readonly kind: 'file'; readonly file: FirmwareFile }
  | { readonly kind: 'refuse'; readonly reason: string }
  | {
      readonly kind: 'document'
      readonly document: InstallerDocument
      readonly template: Template
      readonly facts: VariableFacts
    }
  | { readonly kind: 'script'; readonly script: Script; readonly boots?: BootGrant }

/** The script boots an image: the shell opens an attempt and puts its nonce on the kernel command line. */
export interface BootGrant {
  readonly kind: 'boot-nonce'
  readonly profile: string
  readonly image: string
  /** The machine holds its place among those that load until it has fetched them; none: it needs no place. */
  readonly loads: readonly LoadedFile[]
  /** It is for a boot that somebody asked for, which is used up. */
  readonly once?: OnceGrant
}

export interface OnceGrant {
  readonly node: string
  readonly kind: OnceKind
  /** Its id. */
  readonly intent: string
  /** What the node is known by. */
  readonly keys: KeysOfNode
}

export interface LoadedFile {
  /** Of its address. */
  readonly path: string
  /** Octets. */
  readonly size: number
}

/** A machine that nobody can tell apart. */
export interface Conflict {
  /** Names of nodes, the likeliest first. */
  readonly nodes: readonly string[]
  /** One sentence, safe to print on any screen. */
  readonly because: string
}

export interface Decision {
  readonly action: Action
  /** The described node this client is, for whoever shows or records the decision. */
  readonly node?: string
  /** Then it is none. */
  readonly conflict?: Conflict
  readonly trace: Trace
}

export type { Step, Trace }
