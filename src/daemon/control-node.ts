import { randomBytes } from 'node:crypto'
import { forgetShown } from '../app/forget.ts'
import { commandNode, NODE_COMMANDS, type NodeCommand } from '../app/node-commands.ts'
import type { Running } from '../app/running.ts'
import type { ControlAnswer } from '../servers/control.ts'

interface NodeRequest {
  readonly name: string
  readonly what: string
  readonly query: URLSearchParams
}

const ID = /^[0-9a-f]{32}$/
const PROFILE = /^[a-z0-9][a-z0-9-]{0,62}$/

/** `POST /v1/nodes/NAME/COMMAND?profile=NAME&id=HEX`, or `/forget`; undefined where there is no such command. */
export function controlNode(
  { name, what, query }: NodeRequest,
  running: Running,
): Promise<ControlAnswer> | undefined {
  if (what === 'forget') return forget(name, running)
  const kind = NODE_COMMANDS.find((one) => one === what)
  if (kind === undefined) return undefined
  const [profile, id] = [query.get('profile') ?? undefined, query.get('id')]
  if (profile !== undefined && !PROFILE.test(profile))
    return Promise.resolve({ status: 400, value: { error: 'profile: expected the name of a profile' } })
  return answer(
    {
      ...{ node: name, kind, id: id !== null && ID.test(id) ? id : randomBytes(16).toString('hex') },
      ...(profile === undefined ? {} : { profile }),
    },
    running,
  )
}

async function forget(name: string, running: Running): Promise<ControlAnswer> {
  const outcome = await forgetShown(name, running)
  return outcome.kind === 'done'
    ? { status: 200, value: { node: name, machines: outcome.machines } }
    : { status: 404, value: { error: outcome.because } }
}

async function answer(command: NodeCommand, running: Running): Promise<ControlAnswer> {
  const outcome = await commandNode(command, running)
  switch (outcome.kind) {
    case 'done': {
      const { state, replaced } = outcome
      return { status: 200, value: { ...state, ...(replaced === undefined ? {} : { replaced }) } }
    }
    case 'unknown':
      return { status: 404, value: { error: outcome.because } }
    case 'refused':
      return { status: 409, value: { error: outcome.because } }
    default:
      return outcome satisfies never
  }
}
