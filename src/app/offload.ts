import { filesSource, fileUrl, followsRedirects } from '../boot/files-base.ts'
import { printable } from '../lib/text.ts'
import type { FilesBase } from '../model/config.ts'
import type { BootEvent } from '../model/event.ts'
import type { HttpAnswer, HttpRequest } from '../model/http.ts'
import { explainIpxeError } from '../protocol/ipxe/errors.ts'
import { machineAt } from './answer-tftp.ts'
import { nodeOf } from './observe-http.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** The query by which our own scripts ask us for what another server did not give; its value is iPXE's error number. */
const FALLBACK = 'fallback'
const ERRNO = /^(0x)?[0-9a-f]{1,8}$/i

interface AskedFile {
  readonly image: string
  readonly sha256: string
  readonly name: string
}

/** The redirect to where the network has this file; undefined when the bytes are to come from us. */
export function offload(
  file: AskedFile,
  request: HttpRequest,
  on: ServedNetwork,
  running: Running,
): HttpAnswer | undefined {
  const { secure, query, userAgent, method } = request
  const ingress = { network: on.network.name, server: on.address, ...(secure === true ? { secure } : {}) }
  const { files } = filesSource(ingress, running.picture.config)
  if (files === undefined) return undefined
  const fallback = query.get(FALLBACK)
  if (fallback !== null) {
    if (method === 'GET') tell(fellBack(file, files, fallback), request, on, running)
    return undefined
  }
  if (files.by !== 'redirect' || !followsRedirects(userAgent)) return undefined
  const to = fileUrl(files.url, file)
  if (method === 'GET')
    tell({ kind: 'http.redirect', detail: { file: shown(file), to } }, request, on, running)
  return {
    kind: 'text',
    status: 302,
    headers: { Location: to, 'Cache-Control': 'no-store', 'Content-Type': 'text/plain' },
    body: `${to}\n`,
  }
}

type Told = Pick<BootEvent, 'kind' | 'detail'>

function fellBack(file: AskedFile, files: FilesBase, errno: string): Told {
  const error = ERRNO.test(errno)
    ? explainIpxeError(errno.replace(/^0x/i, '').toLowerCase().padStart(8, '0'))
    : undefined
  return {
    kind: 'files.fallback',
    detail: {
      ...{ file: shown(file), base: files.url },
      ...(error === undefined ? {} : { error: error.meaning, errno: error.number }),
    },
  }
}

function shown({ name }: AskedFile): string {
  return printable(name, 80)
}

/** Anybody can ask: the attention for one machine, and for strangers, is bounded. */
function tell(event: Told, { peer }: HttpRequest, on: ServedNetwork, running: Running): void {
  const mac = machineAt(peer, on, running)
  const network = on.network.name
  const noticed = { who: `files ${peer}`, network, isKnown: mac !== undefined }
  if (running.attention.note(noticed, running.now()) === 0) return
  const who = { ...(mac === undefined ? {} : { mac }), ...nodeOf(mac, running), network, address: peer }
  running.timeline.emit({ ...who, ...event, time: running.now() })
}
