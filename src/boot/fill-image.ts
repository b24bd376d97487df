import type { Mac } from '../lib/mac.ts'
import { err, ok, type Result } from '../lib/result.ts'
import type { Node, Profile } from '../model/config.ts'
import type { Payload, Variant } from '../model/image.ts'
import type { Image, ImageFile, World } from '../model/world.ts'
import { kernelArgumentProblem } from '../protocol/ipxe/words.ts'
import type { BootRequest } from './decision.ts'
import { addressOf, documentsUrl, planeFor } from './documents.ts'
import { fillAll, fillIn, type ValueOf } from './fill-in.ts'
import { variableValue } from './variables.ts'

/** What is booted, with the variables of one machine filled in. */
export interface FilledImage {
  readonly payload: Payload<ImageFile>
  /** Of image, profile and node. */
  readonly operators: readonly string[]
}

interface Filling {
  readonly profile: Profile
  readonly image: Image
  readonly variant: Variant<ImageFile>
  readonly mac: Mac
  readonly node: Node | undefined
}

/** As `config/references.ts` counts: what a Linux kernel on x86 takes, without our own arguments. */
const MOST_OCTETS = 1600

/** The error is one sentence: a variable without a value, or a value that cannot stand there. */
export function fillImage(request: BootRequest, filling: Filling, world: World): Result<FilledImage, string> {
  const { profile, image, variant, node } = filling
  const lookUp = lookUpFor(request, filling, world)
  const operators = fillAll(
    [...image.cmdline, ...variant.cmdline, ...profile.cmdline, ...(node?.cmdline ?? [])],
    lookUp,
  )
  if (!operators.ok) return operators
  const problem = operators.value.map(kernelArgumentProblem).find((one) => one !== undefined)
  if (problem !== undefined) return err(`a kernel argument ${problem}`)
  const length = operators.value.join(' ').length
  if (length > MOST_OCTETS)
    return err(`its kernel arguments are ${length} octets; at most ${MOST_OCTETS} fit`)
  const payload = fillPayload(variant.payload, lookUp)
  return payload.ok ? ok({ payload: payload.value, operators: operators.value }) : payload
}

function fillPayload(payload: Payload<ImageFile>, lookUp: ValueOf): Result<Payload<ImageFile>, string> {
  if (payload.kind === 'chain') {
    const url = fillIn(payload.url, lookUp)
    if (!url.ok) return url
    return URL.canParse(url.value) ? ok({ kind: 'chain', url: url.value }) : err(`${url.value} is no address`)
  }
  if (payload.kind !== 'san') return ok(payload)
  const filled = fillAll([payload.target, payload.initiator ?? ''], lookUp)
  if (!filled.ok) return filled
  const [target = '', initiator = ''] = filled.value
  return ok({ kind: 'san', target, ...(initiator === '' ? {} : { initiator }) })
}

function lookUpFor(request: BootRequest, { profile, image, mac, node }: Filling, world: World): ValueOf {
  const { config } = world
  const { ingress } = request
  const network = config.networks.find(({ name }) => name === ingress.network)
  const facts = { mac, node, network, ingress, config, profile: profile.name, image: image.name }
  return (name) =>
    variableValue(name, {
      ...facts,
      address: addressOf(request, world),
      reports: planeFor('reports', facts),
      documents: documentsUrl(facts),
    })
}
