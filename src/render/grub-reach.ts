import { type Mac, macWithDashes } from '../lib/mac.ts'
import { firstUrl, type ScriptFile } from '../model/script.ts'

/** What a script asks the server for a machine: its own script once more, with what was chosen or what happened. */
export interface GrubAsk {
  /** The name of a menu entry. */
  readonly choice?: string
  readonly confirmed?: true
  /** A step of the boot failed; or the machine waits in the queue. */
  readonly because?: 'failed' | 'queued'
}

/** How a GRUB comes to our scripts and files: words of its language, each a device and a path. */
export interface GrubReach {
  readonly script: (server: string, client: Mac, ask?: GrubAsk) => string
  /** Where a file is, in the order in which it is tried. */
  readonly places: (file: ScriptFile) => readonly string[]
}

/** `http://10.77.0.1:8080` as GRUB's device `(http,10.77.0.1:8080)` (manual 2.06, "Device syntax"). */
export function httpDevice(server: string): string {
  return `(http,${new URL(server).host})`
}

/** For what fetched its script over HTTP: all over HTTP, from another server first where there is one. */
export const HTTP_REACH: GrubReach = {
  script: (server, client, ask = {}) =>
    quote(`${httpDevice(server)}/boot/${macWithDashes(client)}.grub${queryOf(ask)}`),
  places: (file) => [quote(httpPath(firstUrl(file, 'grub'))), ...ours(file)],
}

/**
 * For what fetched its script over TFTP: scripts by the machine's own name there, files over HTTP first and over TFTP where
 * that fails. Debian 12's signed GRUB has no HTTP and may load no module; `insmod` succeeds whatever comes of it.
 */
export const TFTP_REACH: GrubReach = {
  script: (server, client, ask = {}) =>
    quote(`${tftpDevice(server)}/grub.cfg-01-${macWithDashes(client)}${nameOf(ask)}`),
  places: (file) => {
    const { url, fallback = url } = file
    return [...HTTP_REACH.places(file), quote(`${tftpDevice(fallback)}${new URL(fallback).pathname}`)]
  },
}

/** Ours in another server's place, marked so. */
function ours(file: ScriptFile): readonly string[] {
  const { fallback } = file
  return fallback === undefined || firstUrl(file, 'grub') === fallback
    ? []
    : [quote(`${httpPath(fallback)}?fallback=grub`)]
}

function queryOf({ choice, confirmed, because }: GrubAsk): string {
  const parts = [
    ...(choice === undefined ? [] : [`choice=${choice}`]),
    ...(confirmed === undefined ? [] : ['confirmed=yes']),
    ...(because === undefined ? [] : [because === 'failed' ? 'failed=boot' : 'queued=yes']),
  ]
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

/** As `readOwnName` reads it (boot/own-name.ts): `/worker/confirmed+queued`. */
function nameOf({ choice, confirmed, because }: GrubAsk): string {
  const chosen = choice === undefined ? '' : `/${choice}${confirmed === undefined ? '' : '/confirmed'}`
  return `${chosen}${because === undefined ? '' : `+${because}`}`
}

function httpPath(url: string): string {
  return `${httpDevice(url)}${new URL(url).pathname}`
}

function tftpDevice(server: string): string {
  return `(tftp,${new URL(server).hostname})`
}

/** One word to GRUB. Single quotes keep everything but themselves; line ends would end a comment or an echo. */
export function quote(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text) || text.includes("'"))
    throw new Error(`not a GRUB word: ${JSON.stringify(text)}`)
  return `'${text}'`
}
