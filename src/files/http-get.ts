import { get as getHttp, type IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { isIP } from 'node:net'
import { ImageStoreError } from './image-catalogue.ts'
import { guardedLookup, RefusedAddress, refusalOf } from './reachable.ts'

export interface GetOptions {
  /** Also addresses of private networks and of this machine. */
  readonly allowPrivate: boolean
  /** Ask for the octets from here on. */
  readonly from: number
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
}

/** Redirects that are followed. */
const REDIRECTS = 3
/** Milliseconds without an octet after which a connection counts as dead. */
const IDLE_MS = 30_000

/** As it is shown and written down: what follows the path may be a key. */
export function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}

/** Where a URL may lead: every redirect is held against the same rules. Rejects what is refused, with a sentence. */
export async function getUrl(url: URL, options: GetOptions): Promise<IncomingMessage> {
  let at = url
  for (let followed = 0; ; followed += 1) {
    const response = await getOnce(at, options)
    const { statusCode = 0, headers } = response
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return response
    response.destroy()
    if (followed === REDIRECTS)
      throw new ImageStoreError(`${shownUrl(url)} leads through more than ${REDIRECTS} redirects`)
    if (!URL.canParse(headers.location, at.href))
      throw new ImageStoreError(`${shownUrl(at)} leads to something that is no URL`)
    at = new URL(headers.location, at)
  }
}

/** Why a URL is not fetched, whatever it has; undefined when it may be. */
export function urlProblem({ protocol, username, password }: URL): string | undefined {
  if (protocol !== 'https:' && protocol !== 'http:') return `${protocol} only https and http are fetched`
  if (username !== '' || password !== '')
    return 'a URL with a user name or password would be shown by image show'
  return undefined
}

function getOnce(url: URL, { allowPrivate, from, signal }: GetOptions): Promise<IncomingMessage> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // A literal address is never looked up.
  const problem = urlProblem(url) ?? (isIP(host) === 0 ? undefined : refusalOf(host, allowPrivate))
  if (problem !== undefined) return Promise.reject(new ImageStoreError(problem))
  const range = from === 0 ? {} : { Range: `bytes=${from}-` }
  const get = url.protocol === 'https:' ? getHttps : getHttp
  return new Promise((resolve, reject) => {
    const request = get(url, {
      headers: { 'User-Agent': 'centra-pxe', 'Accept-Encoding': 'identity', ...range },
      lookup: guardedLookup(allowPrivate),
      agent: false,
      timeout: IDLE_MS,
      signal,
    })
    request.on('timeout', () => request.destroy(new Error(`no octet for ${IDLE_MS / 1000} s`)))
    request.on('error', (error) =>
      reject(error instanceof RefusedAddress ? new ImageStoreError(error.message) : error),
    )
    request.on('response', resolve)
  })
}
