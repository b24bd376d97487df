/** A request to the node plane, freed of sockets. Everything in it is bytes from the network. */
export interface HttpRequest {
  readonly method: string
  /** Decoded, always begins with a slash; `//` inside was made `/`. */
  readonly path: string
  readonly query: URLSearchParams
  /** The client's IPv4 address in dotted decimal. */
  readonly peer: string
  readonly userAgent?: string
  /** It came over TLS. */
  readonly secure?: true
  /** Its `Authorization`: a secret. */
  readonly authorization?: string
  /** Its `Accept`. */
  readonly accept?: string
  /** The body as text; undefined when it is longer than `limit` octets or does not arrive. */
  readonly readBody: (limit: number) => Promise<string | undefined>
}

/** The planes that machines boot from. */
export type NodePlane = 'tftp' | 'http' | 'https'

/** `operator`: /health and /metrics on its own listener. */
export type HttpPlane = 'http' | 'https' | 'operator'

/** A request and its answer, once the answer ended. What the client made is as it sent it: nothing of it is safe to print. */
export interface HttpExchange {
  /** The client's IPv4 address in dotted decimal. */
  readonly peer: string
  readonly method: string
  /** The request target, an octet a character. */
  readonly target: string
  readonly status: number
  /** Of the body that went out. */
  readonly octets: number
  readonly milliseconds: number
  readonly range?: string
  readonly userAgent?: string
  /** The connection ended before the answer did. */
  readonly cut?: true
}

/** Who is told of exchanges and connections; must not throw. */
export interface HttpObserver {
  readonly exchange: (exchange: HttpExchange) => void
  /** 1: one was opened; -1: closed; 0: refused, there are too many. */
  readonly connection: (change: 1 | 0 | -1) => void
}

/** What a transfer may take, in octets a second; absent: no limit. */
export interface Pace {
  /** Whose `rate` is shared. */
  readonly network: string
  readonly rate?: number
  readonly clientRate?: number
  /** The address of the client. */
  readonly client: string
}

/** How far a file got. Octets; milliseconds. */
export type Transfer =
  | { readonly kind: 'start'; readonly size: number; readonly total: number }
  | { readonly kind: 'progress'; readonly sent: number; readonly size: number }
  | { readonly kind: 'done'; readonly sent: number; readonly milliseconds: number }
  | { readonly kind: 'failed'; readonly sent: number; readonly size: number; readonly reason: string }

export type HttpAnswer =
  | {
      readonly kind: 'text'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | {
      /** Answered with HEAD, single ranges, and 304 as the request wants. */
      readonly kind: 'file'
      readonly path: string
      /** What the file must still be, in octets; another size is answered 503. */
      readonly size: number
      /** What the file must still be (`lib/file-identity.ts`), where more than its size is known. */
      readonly identity?: string
      /** Never through a symbolic link. */
      readonly noLinks?: true
      readonly headers: Readonly<Record<string, string>>
      /** With its quotes. */
      readonly etag: string
      /** Absent: as fast as it can. */
      readonly pace?: Pace
      /**
       * The last octets leave when this has resolved without a reason why not, and not before the client has all others; asked by
       * each answer that has some of them. Without it they leave like the rest.
       */
      readonly beforeLast?: () => Promise<string | undefined>
      readonly observe: (transfer: Transfer) => void
    }

/** What sending files takes now, and what became of it. Octets unless told otherwise. */
export interface FileFigures {
  /** Connections without a whole request that gave way, and such as found no room. */
  readonly connections: { readonly evicted: number; readonly refused: number }
  readonly cut: { readonly stalled: number; readonly slow: number }
  readonly cache: {
    readonly octets: number
    /** Of them, in use by transfers now. */
    readonly pinned: number
    readonly hits: number
    readonly misses: number
  }
  /** Large transfers, and those that wait for one to end. */
  readonly slots: { readonly taken: number; readonly waiting: number; readonly refused: number }
}
