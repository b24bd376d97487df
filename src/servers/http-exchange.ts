import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpAnswer, HttpObserver, Transfer } from '../model/http.ts'

type FileAnswer = Extract<HttpAnswer, { kind: 'file' }>

/**
 * Tells of one exchange once, when its answer ended or its connection did. The function returned has to be asked for the
 * answer when it is a file: its octets are those of its transfer.
 */
export function watchExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { observer, peer }: { readonly observer: HttpObserver | undefined; readonly peer: string },
): (answer: FileAnswer) => FileAnswer {
  if (observer === undefined) return (answer) => answer
  const begun = performance.now()
  let transfer: Transfer | undefined
  let isClosed = false
  const tell = (): void => {
    const { range, 'user-agent': userAgent } = request.headers
    observer.exchange({
      ...{ peer, method: request.method ?? '', target: request.url ?? '', status: response.statusCode },
      octets: octetsOf(request, response, transfer),
      milliseconds: performance.now() - begun,
      ...(range === undefined ? {} : { range }),
      ...(userAgent === undefined ? {} : { userAgent }),
      ...(response.writableFinished ? {} : { cut: true }),
    })
  }
  response.once('close', () => {
    isClosed = true
    if (transfer === undefined || isOver(transfer)) tell()
  })
  return (answer) => ({
    ...answer,
    observe: (news) => {
      transfer = news
      answer.observe(news)
      if (isClosed && isOver(news)) tell()
    },
  })
}

function isOver({ kind }: Transfer): boolean {
  return kind === 'done' || kind === 'failed'
}

function octetsOf(
  { method }: IncomingMessage,
  response: ServerResponse,
  transfer: Transfer | undefined,
): number {
  if (transfer !== undefined) return 'sent' in transfer ? transfer.sent : 0
  if (method === 'HEAD' || !response.writableFinished) return 0
  return Number(response.getHeader('Content-Length') ?? 0)
}
