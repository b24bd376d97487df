/**
 * `traversal-client.ts SERVER HTTP_PORT < REQUESTS`: raw TFTP read requests and raw HTTP requests, which nothing normalises.
 * stdin is a JSON list of `Asked`, stdout one of `Answered`.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** Octets in latin1. */
export type Asked =
  | { readonly via: 'tftp'; readonly name: string }
  | { readonly via: 'http'; readonly request: string }

/** Everything that came, in latin1; of a TFTP answer, the first datagram. */
export type Answered = string

const AT_ONCE = 8
const TFTP_TRIES = 4
const TFTP_WAIT_MS = 1500
const HTTP_WAIT_MS = 15_000

const [server = '', port = ''] = process.argv.slice(2)
const asked: readonly Asked[] = JSON.parse(await text(process.stdin))
const answers: Answered[] = []
const queue = asked.entries()
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (const [i, one] of queue)
      answers[i] = one.via === 'tftp' ? await askTftp(one.name) : await askHttp(one.request)
  }),
)
process.stdout.write(JSON.stringify(answers), () => process.exit(0))

/** Empty when nothing came, though it was asked again. */
function askTftp(name: string): Promise<Answered> {
  const socket = createSocket('udp4')
  const packet = Buffer.from(`\0\x01${name}\0octet\0`, 'latin1')
  return new Promise((resolve) => {
    let tries = 0
    const send = (): void => {
      tries += 1
      if (tries > TFTP_TRIES) end('')
      else socket.send(packet, 69, server)
    }
    const timer = setInterval(send, TFTP_WAIT_MS)
    const end = (answer: string): void => {
      clearInterval(timer)
      socket.close()
      resolve(answer)
    }
    socket.once('message', (bytes) => end(bytes.toString('latin1')))
    socket.once('error', (error) => end(`error: ${error.message}`))
    send()
  })
}

function askHttp(request: string): Promise<Answered> {
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), server, () => socket.write(Buffer.from(request, 'latin1')))
    socket.setTimeout(HTTP_WAIT_MS, () => socket.destroy(new Error('no answer in time')))
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.on('error', (error) => {
      answer ||= `error: ${error.message}`
    })
    socket.on('close', () => resolve(answer))
  })
}
