import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpAnswer, HttpObserver, Transfer } from '../model/http.ts'

type FileAnswer = Extract<HttpAnswer, { kind: 'file' }>

export interface WatchedExchange {
  /** The answer to send in its place when it is a file: its octets are those of its transfer. */
  readonly file: (answer: FileAnswer) => FileAnswer
  /** The octets of the body, when it is a text. */
  readonly sends: (octets: number) => void
}

/** Tells of one exchange once, when its answer ended or its connection did. */
export function watchExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { observer, peer }: { readonly observer: HttpObserver | undefined; readonly peer: string },
): WatchedExchange {
  if (observer === undefined) return UNWATCHED
  const begun = performance.now()
  let text: number | undefined
  let transfer: Transfer | undefined
  let isClosed = false
  const tell = (): void => {
    const { range, 'user-agent': userAgent } = request.headers
    const isWhole = response.writableFinished
    observer.exchange({
      ...{ peer, method: request.method ?? '', target: request.url ?? '', status: response.statusCode },
      octets: text === undefined ? octetsOf(request, response, transfer) : isWhole ? text : 0,
      milliseconds: performance.now() - begun,
      ...(range === undefined ? {} : { range }),
      ...(userAgent === undefined ? {} : { userAgent }),
      ...(isWhole ? {} : { cut: true }),
    })
  }
  response.on('close', () => {
    isClosed = true
    if (transfer === undefined || isOver(transfer)) tell()
  })
  return {
    file: (answer) => ({
      ...answer,
      observe: (news) => {
        transfer = news
        answer.observe(news)
        if (isClosed && isOver(news)) tell()
      },
    }),
    sends: (octets) => {
      text = octets
    },
  }
}

const UNWATCHED: WatchedExchange = { file: (answer) => answer, sends: () => {} }

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
