import type { Mac } from '../lib/mac.ts'
import type { LocalDiskMethod } from './config.ts'

/**
 * What a boot loader is told to do, in no loader's language: `render/ipxe.ts`, `render/grub.ts` and `render/pxelinux.ts` print it.
 * Addresses, keys and arguments are ours or passed the grammar of their place when the configuration was read. Titles, reasons and
 * lines may say anything: renderers show them as text.
 */
export type Script =
  | IdentifyScript
  | BootScript
  | ProgramScript
  | SanScript
  | ChainScript
  | MenuScript
  | ConfirmScript
  | PasswordScript
  | PageScript
  | LocalDiskScript
  | RecoveryScript
  | QueueScript
  | RefusalScript

/** For a loader that we know nothing about: it tells who it is and asks again. */
export interface IdentifyScript {
  readonly kind: 'identify'
  /** It runs before any card is open, as iPXE's `autoexec.ipxe` does; `card`: the one that loaded it. */
  readonly opens?: { readonly card?: Mac }
  /** `http://10.77.0.1:8080`, no slash at the end. */
  readonly server: string
}

/** The loader's language. */
export type ScriptForm = 'ipxe' | 'grub' | 'pxelinux'

export interface ScriptFile {
  /** The name the loader gives the image: `vmlinuz`, `initrd.img`. */
  readonly name: string
  readonly url: string
  /** Ours, when the other is another server's: for loaders that cannot use that one, and where it fails. */
  readonly fallback?: string
}

/** The address that a loader of this form is told first: GRUB has no TLS, and PXELINUX cannot try twice. */
export function firstUrl({ url, fallback }: ScriptFile, form: ScriptForm): string {
  if (fallback === undefined || form === 'ipxe') return url
  return form === 'grub' && url.startsWith('http:') ? url : fallback
}

export interface BootScript {
  readonly kind: 'boot'
  readonly server: string
  /** Shown on the machine's screen: "node01: control-plane". */
  readonly title: string
  /** Shown before anything is loaded. */
  readonly warning?: string
  /** What the profile asks of the machine, shown beside the title: "8+ cores, 32+ GB memory, 500+ GB disk". */
  readonly needs?: string
  readonly kernel: ScriptFile
  readonly initrds: readonly ScriptFile[]
  /** Kernel arguments, each one passed `parseKernelCommandLine`. */
  readonly cmdline: readonly string[]
  /** Where a failed step is reported; absent when we do not know whose script this is. */
  readonly client?: Mac
  /** The address of a shim, through which a signed iPXE starts a kernel that the firmware does not trust by itself. */
  readonly shim?: string
  /** The kernel is the last file that iPXE fetches: whoever has it begins to boot. GRUB and PXELINUX end with the initrds. */
  readonly kernelLast?: true
}

/** A program for UEFI. */
export interface ProgramScript
  extends Omit<BootScript, 'kind' | 'kernel' | 'initrds' | 'kernelLast' | 'shim'> {
  readonly kind: 'program'
  readonly program: ScriptFile
}

/** A drive that is read over the network. */
export interface SanScript extends Omit<ProgramScript, 'kind' | 'program' | 'cmdline'> {
  readonly kind: 'sanboot'
  readonly drive: Omit<ScriptFile, 'name'>
  readonly initiator?: string
}

/** What another server's script or program says. */
export interface ChainScript extends Omit<ProgramScript, 'kind' | 'program' | 'cmdline'> {
  readonly kind: 'chain'
  readonly url: string
}

/** Why the machine cannot boot what it should, and what to do; then its local disk. */
export interface RefusalScript extends Omit<PageScript, 'kind'> {
  readonly kind: 'refusal'
}

export interface MenuEntry {
  /** The name of a profile, or of a menu below. */
  readonly key: string
  readonly title: string
  /** The key that chooses it; default: a digit. */
  readonly shortcut?: string
  /** Its key alone chooses it. */
  readonly hidden?: true
  /** It needs a password. */
  readonly locked?: true
}

/** What a machine without a profile is shown: profiles, the local disk, a rescue system, and the loader's own tools. */
export interface MenuScript {
  readonly kind: 'menu'
  readonly server: string
  readonly title: string
  readonly client: Mac
  readonly profiles: readonly MenuEntry[]
  /** In a place of its own; absent where a list of entries says what there is. */
  readonly rescue?: MenuEntry
  /** A menu below another one: nobody chooses, back it goes. */
  readonly isBelow?: true
  /** The key of the entry taken when nobody chooses: `local`, or a profile's. */
  readonly default: string
  readonly timeoutSeconds: number
}

/** Asks once more before a profile that has a warning boots. */
export interface ConfirmScript {
  readonly kind: 'confirm'
  readonly server: string
  readonly client: Mac
  readonly profile: MenuEntry
  readonly warning: string
}

/** Asks for the password of an entry. */
export interface PasswordScript {
  readonly kind: 'password'
  readonly server: string
  readonly client: Mac
  /** What somebody chose. */
  readonly entry: MenuEntry
  /** What to know before typing. */
  readonly lines: readonly string[]
}

/** Text to read, then back to the machine's own script. */
export interface PageScript {
  readonly kind: 'page'
  readonly server: string
  readonly client: Mac
  readonly title: string
  /** Any text: what a machine says of itself may be among it. */
  readonly lines: readonly string[]
}

export interface LocalDiskScript {
  readonly kind: 'local-disk'
  /** Why, in a few words, for the machine's screen. */
  readonly because: string
  /** Default: the usual one of its loader and firmware. */
  readonly method?: LocalDiskMethod
}

/** Others load first: it shows where the machine stands, waits, and asks the same again. */
export interface QueueScript {
  readonly kind: 'queue'
  readonly server: string
  readonly client: Mac
  /** What it will boot, as a boot script's. */
  readonly title: string
  /** 1 for who is next. */
  readonly place: number
  /** This machine among them. */
  readonly waiting: number
  readonly loading: number
  readonly retrySeconds: number
  /** The menu entry that led there. */
  readonly choice?: string
  /** The loader asked because such a script told it to. */
  readonly again?: true
}

/** After a failed step: what went wrong and what to do, and a way on. */
export interface RecoveryScript {
  readonly kind: 'recovery'
  readonly server: string
  readonly client: Mac
  /** The step that failed: `kernel`. */
  readonly step: string
  /** As a page's. */
  readonly lines: readonly string[]
  /** The menu entry that led there, to try again. */
  readonly choice?: string
  /** What it goes on to when nobody chooses; default: the local disk. */
  readonly rescue?: MenuEntry
}
