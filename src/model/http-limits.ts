/** What the HTTP node plane spends on its clients: `server.limits.http`. */
export interface HttpLimits {
  /** Octets of files in memory, which transfers share; 0: none are kept. */
  readonly cache: number
  /** Seconds until the head of a request has to be there. */
  readonly headers: number
  /** Seconds until the whole request has to be there, a POST's body with it. */
  readonly request: number
  /** Seconds that a connection between two requests is kept. */
  readonly idle: number
  /** Seconds without one octet taken by the client, after which a transfer is cut. */
  readonly stall: number
  /** Octets a second, over `stall`; a slower transfer is cut while connections or memory are scarce. */
  readonly minRate: number
  /** At the same time, over all addresses. */
  readonly connections: number
  /** Of one client address, while more than half of `connections` are taken. */
  readonly connectionsPerClient: number
  /** Transfers of more than 1 MiB at the same time; further ones wait. */
  readonly transfers: number
  /** How many of them may wait; further ones get 503. */
  readonly waiting: number
}

/** Where nothing is configured. */
export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  cache: 128 * 2 ** 20,
  headers: 10,
  request: 20,
  idle: 65,
  stall: 30,
  minRate: 16 * 2 ** 10,
  connections: 4096,
  connectionsPerClient: 32,
  transfers: 1024,
  waiting: 2048,
}
