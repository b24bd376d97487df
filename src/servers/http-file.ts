import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpAnswer } from '../model/http.ts'
import { type ByteRange, matchesEtag, parseRange } from '../protocol/http/range.ts'
import type { FileSender, Sending } from './file-sender.ts'
import { ResponseWriter } from './response-writer.ts'

type FileAnswer = Extract<HttpAnswer, { kind: 'file' }>

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly sender: FileSender
}

/** Octets at a file's end that are held back where that is wanted: without them nothing boots. */
const HELD = 64 << 10

/** Answers GET and HEAD for one immutable file: 200, 206, 304, 412, 416 (RFC 9110 §13, §14), 503 when it changed. */
export async function sendFile(answer: FileAnswer, { request, response, sender }: Exchange): Promise<void> {
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value)
  response.setHeader('ETag', answer.etag)
  response.setHeader('Accept-Ranges', 'bytes')
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers
  // RFC 9110 §13.2.2: this one comes first.
  if (ifMatch !== undefined && !matchesEtag(ifMatch, answer.etag, 'strong')) {
    response.setHeader('Content-Length', 0)
    response.writeHead(412).end()
    return
  }
  // What is held back is not given to anybody by a 304 either: who has the file by its tag would have its last octets unseen.
  if (answer.beforeLast === undefined && matchesEtag(ifNoneMatch, answer.etag)) {
    response.writeHead(304).end()
    return
  }
  const range = wantedRange(answer, request)
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${answer.size}`)
    response.setHeader('Content-Length', 0)
    response.writeHead(416).end()
    return
  }
  await sendBody(answer, range, { request, response, sender })
}

function refuse(response: ServerResponse, body: string, seconds: number, isHead: boolean): void {
  response.setHeader('Retry-After', seconds)
  response.setHeader('Content-Length', body.length)
  response.removeHeader('ETag')
  response.writeHead(503).end(isHead ? undefined : body)
}

/**
 * `Range` counts for GET alone (RFC 9110 §14.2). `If-Range` with another entity tag, or with a date, asks for the
 * whole file (RFC 9110 §13.1.5).
 */
function wantedRange(answer: FileAnswer, request: IncomingMessage): ByteRange | 'whole' | 'unsatisfiable' {
  if (request.method !== 'GET') return 'whole'
  const ifRange = request.headers['if-range']
  if (ifRange !== undefined && ifRange !== answer.etag) return 'whole'
  return parseRange(request.headers.range, answer.size)
}

/** Seconds after which a client that found too many before it may come again. */
const BUSY_RETRY_S = 5

async function sendBody(answer: FileAnswer, range: ByteRange | 'whole', exchange: Exchange): Promise<void> {
  const { request, response, sender } = exchange
  const { first, last } = range === 'whole' ? { first: 0, last: answer.size - 1 } : range
  const length = last - first + 1
  const isHead = request.method === 'HEAD'
  const file = { ...answer, key: `${answer.etag} ${answer.identity ?? ''}` }
  if (!(await sender.isThere(file, first, length)))
    return refuse(response, 'the file changed on disk; ask again\n', 1, isHead)
  const describe = (): void => {
    response.setHeader('Content-Length', length)
    if (range !== 'whole') response.setHeader('Content-Range', `bytes ${first}-${last}/${answer.size}`)
    response.writeHead(range === 'whole' ? 200 : 206)
  }
  if (isHead) {
    describe()
    response.end()
    return
  }
  const writer = new ResponseWriter(request, response)
  const { remoteAddress: client = '' } = request.socket
  if (!(await sender.enter(length, client, writer)))
    return refuse(response, 'too many transfers; ask again\n', BUSY_RETRY_S, false)
  try {
    describe()
    const { pace, beforeLast: release, size } = answer
    const paced = pace === undefined ? {} : { pace }
    const held = release === undefined ? {} : { hold: { from: Math.max(0, size - HELD), release } }
    await transmit(answer, { file, first, length, ...paced, ...held }, exchange, writer)
  } finally {
    sender.leave(length, client)
  }
}

async function transmit(
  { observe, size }: FileAnswer,
  span: Omit<Sending, 'onProgress'>,
  { request, response, sender }: Exchange,
  writer: ResponseWriter,
): Promise<void> {
  const { length } = span
  observe({ kind: 'start', size: length, total: size })
  const begun = performance.now()
  const onProgress = (sent: number): void => observe({ kind: 'progress', sent, size: length })
  const { sent, reason } = await sender.send({ ...span, onProgress }, writer, request.socket)
  if (reason === undefined) {
    response.end()
    observe({ kind: 'done', sent, milliseconds: Math.round(performance.now() - begun) })
  } else {
    observe({ kind: 'failed', sent, size: length, reason })
    response.destroy()
  }
}
