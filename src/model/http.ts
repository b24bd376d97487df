/** A request to the node plane, freed of sockets. Everything in it is bytes from the network. */
export interface HttpRequest {
  readonly method: string
  /** Decoded, always begins with a slash; `//` inside was made `/`. */
  readonly path: string
  readonly query: URLSearchParams
  /** The client's IPv4 address in dotted decimal. */
  readonly peer: string
  /** It came over TLS. */
  readonly secure?: true
  /** The body as text; undefined when it is longer than `limit` octets or does not arrive. */
  readonly readBody: (limit: number) => Promise<string | undefined>
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
      /** Never through a symbolic link. */
      readonly noLinks?: true
      readonly headers: Readonly<Record<string, string>>
      /** With its quotes. */
      readonly etag: string
      readonly observe: (transfer: Transfer) => void
    }
