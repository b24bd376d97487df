import { createServer, type Server } from 'node:net'
import { loadLibc } from './libc.ts'

interface Acceptors {
  readonly count: number
  readonly backlog: number
  readonly onFault: (error: unknown) => void
}

/**
 * More sockets that accept the connections of a server which listens: duplicates of its descriptor, so that its port is still
 * taken for everybody else. libuv accepts one connection of each socket in a turn of the event loop (uv__server_io). None where
 * there is no FFI.
 */
export function openAcceptors(server: Server, { count, backlog, onFault }: Acceptors): readonly Server[] {
  const libc = loadLibc()
  const number = descriptorOf(server)
  if (!libc.ok || number === undefined) return []
  const acceptors: Server[] = []
  // http has it and https not, below its TLS; the property is not in Node's types.
  const allowHalfOpen = Reflect.get(server, 'allowHalfOpen') === true
  for (let i = 0; i < count; i += 1) {
    const fd = libc.value.dup(number)
    if (fd < 0) break
    const acceptor = createServer({ allowHalfOpen, noDelay: true }, (socket) =>
      server.emit('connection', socket),
    )
    acceptor.on('error', onFault)
    acceptor.listen({ fd, backlog })
    acceptors.push(acceptor)
  }
  return acceptors
}

/** Of libuv's handle; neither is in Node's types. */
function descriptorOf(server: Server): number | undefined {
  const handle: { readonly fd?: number } | null | undefined = Reflect.get(server, '_handle')
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined
}
