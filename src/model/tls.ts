/** The two PEM files of a server, absolute. */
export interface TlsFiles {
  /** The server's certificate first, then those that lead from it to a root. */
  readonly certificate: string
  readonly key: string
}

/** What a certificate says. Times in milliseconds since 1970; texts are safe to print. */
export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** DNS names of subjectAltName. */
  readonly names: readonly string[]
  /** Addresses of subjectAltName, as text. */
  readonly addresses: readonly string[]
  readonly notBefore: number
  readonly notAfter: number
  /** SHA-256 of the certificate, lower-case hex. */
  readonly sha256: string
  /** `RSA 2048`, `EC prime256v1`. */
  readonly key: string
  /** Certificates in the file, itself among them. */
  readonly chainLength: number
}

/** A certificate and the key that belongs to it, as PEM texts that can be served. */
export interface TlsPair extends CertificateFacts {
  readonly certificate: string
  readonly privateKey: string
}

export interface TlsProblem {
  /** Which of the files is wrong. */
  readonly of: keyof TlsFiles
  readonly severity: 'error' | 'warning'
  /** A sentence that says what to do. */
  readonly message: string
}

/** `pair` is absent when there is an error among the problems. */
export interface TlsReading {
  readonly pair?: TlsPair
  readonly problems: readonly TlsProblem[]
}
