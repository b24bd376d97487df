import type { HttpsUse } from '../model/config.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import type { ClientArch } from '../protocol/iana/arch.ts'
import { where } from './cite.ts'
import type { Action, Firmware } from './decision.ts'
import { directProgram } from './direct.ts'
import { PI_START, selectLoader } from './loaders.ts'
import { type Asked, type Chosen, namedForAny, namedLoader, overrides } from './named-loader.ts'
import { nodePlane, sendSecurely } from './node-plane.ts'

/**
 * DHCP's question, part of `decide`. The same client gets the same answer, from client, configuration, inventory and what was
 * commanded; but for a machine that a loader leads nowhere, which gets the other one (`loader.loop`), and one that has just
 * fetched ours (`ipxe.foreign`).
 */
export function whereNext(asked: Asked): Action {
  const { request, world, steps } = asked
  const { client } = request
  if (client.stage === 'os')
    return { kind: 'no-boot', reason: 'an operating system asks for an address only' }
  if (world.config.unknown === 'ignore' && asked.node === undefined && asked.profile === undefined) {
    steps.push({ rule: 'unknown.policy', outcome: 'unknown: ignore', from: 'config' })
    return { kind: 'no-boot', reason: 'unknown: ignore' }
  }
  if (client.stage === 'ipxe' && client.transport === 'http') {
    const first = loaderFirst(asked)
    if (first !== undefined) return first
    const url = `${planeFor('scripts', asked)}/boot.ipxe`
    steps.push({ rule: 'script.url', outcome: url, from: 'config' })
    return { kind: 'script-url', url }
  }
  switch (client.firmware) {
    case 'grub':
      return { ...noBoot(asked, 'GRUB asks for an address and its server'), nextServer: true }
    case 'onie':
      return installer(asked)
    case 'petitboot':
      return petitboot(asked)
    case 'raspberry-pi':
      return raspberryPi(asked)
    case 'u-boot':
      return uBoot(asked)
    case 'uefi-http':
      return directProgram(asked, () => loaderPlane(asked)) ?? loader(asked, client.stage)
    default:
      return loader(asked, client.stage)
  }
}

/**
 * Our loader, for an iPXE that is not ours on a network that says `foreignIpxe: chain`. What it loads is an iPXE too, and
 * known as ours by its user class or by having just been fetched: each boot goes this way once, so that nothing can
 * loop. Undefined where the script comes now, which it also does when there is no loader to give.
 */
function loaderFirst(asked: Asked): Action | undefined {
  const { request, world, steps } = asked
  const { mac, isOurs } = request.client
  const network = world.config.networks.find(({ name }) => name === request.ingress.network)
  if (network?.foreignIpxe !== 'chain') return undefined
  const cite = where(network.origin)
  const say = (outcome: string, from: Step['from']): void => {
    steps.push({ rule: 'ipxe.foreign', outcome: `foreignIpxe: chain, ${outcome}`, from, cite })
  }
  if (isOurs === true) {
    say('and this iPXE is ours', 'packet')
    return undefined
  }
  const loops = mac === undefined ? undefined : world.loops
  const fetched = mac === undefined ? undefined : loops?.fetchedBy(mac, world.now)
  const looping = mac === undefined ? undefined : loops?.loaderOf(mac, world.now)
  if (fetched !== undefined || looping !== undefined) {
    say(fetched === undefined ? `and ${looping} led nowhere` : `and it has just fetched ${fetched}`, 'state')
    return undefined
  }
  say('and this iPXE is not ours', 'config')
  const first = loader(asked, 'ipxe')
  return first.kind === 'boot-file' ? first : undefined
}

/** The override's file, or else the table's for the first architecture of which one is on disk. */
function loader(asked: Asked, stage: 'rom' | 'ipxe'): Action {
  const { arch, arches, archCode } = asked.request.client
  const all = arches ?? (arch === undefined ? [] : [arch])
  if (all.length === 0) {
    const problem =
      archCode === undefined ? 'the client names no architecture' : `no loader for architecture ${archCode}`
    const named = namedForAny(asked)
    return named === undefined ? noBoot(asked, problem) : offer(asked, named)
  }
  const refusals: string[] = []
  for (const one of all) {
    const named = namedLoader(asked, one, stage)
    if (named !== undefined) return offer(asked, named)
    const { chosen, refused } = fromTable(asked, one, stage)
    if (chosen !== undefined) return offer(asked, chosen)
    refusals.push(refused ?? '')
  }
  return noBoot(asked, refusals.join('; '), `no loader for ${all.join(' or ')}`)
}

function fromTable(
  { request, world, steps }: Asked,
  arch: ClientArch,
  stage: 'rom' | 'ipxe',
): { readonly chosen?: Chosen; readonly refused?: string } {
  const { firmware, loops, now } = world
  const { mac } = request.client
  const usual = selectLoader({ arch, stage }, firmware)
  switch (usual.kind) {
    case 'no-loader-for-arch':
      return { refused: `no loader for ${arch}: a node or profile can name one, loader: { ${arch}: FILE }` }
    case 'not-on-disk':
      return {
        refused: `no loader for ${arch}: ${orList(usual.names)} is missing in ${dirs(world)}; ${usual.source}`,
      }
    case 'found': {
      const looping = mac === undefined ? undefined : loops?.loaderOf(mac, now)
      const other = looping === undefined ? usual : selectLoader({ arch, stage, avoid: looping }, firmware)
      const { file } = other.kind === 'found' ? other : usual
      if (looping !== undefined && file.name !== usual.file.name)
        steps.push({
          rule: 'loader.loop',
          outcome: `${looping} was fetched again and again without asking for a script: ${file.name} instead`,
          from: 'state',
        })
      return { chosen: { name: file.name, file, by: 'table', from: 'config' } }
    }
    default:
      return usual satisfies never
  }
}

function offer(asked: Asked, { name, file, by, from }: Chosen): Action {
  const { request, world, steps, node } = asked
  const { transport, stage, firmware = stage === 'ipxe' ? 'ipxe' : undefined } = request.client
  if (file === undefined) return noBoot(asked, `${name} (${by}) is missing in ${dirs(world)}`)
  const cite = from === 'inventory' && node !== undefined ? where(node.origin) : file.path
  steps.push({ rule: 'loader.select', outcome: `${name} over ${transport} (${by})`, from, cite })
  return {
    ...{ kind: 'boot-file', file, over: transport },
    ...(transport === 'http' ? { url: `${loaderPlane(asked)}/firmware/${name}` } : {}),
    ...(firmware === undefined ? {} : { firmware }),
  }
}

/** Only firmware that boots by HTTP itself can have been told which certificates to trust before any loader ran. */
function loaderPlane(asked: Asked): string {
  const { client, ingress } = asked.request
  return client.firmware === 'uefi-http'
    ? planeFor('firmware', asked)
    : nodePlane(ingress, asked.world.config)
}

function planeFor(use: HttpsUse, { request, world, node, steps }: Asked): string {
  const { config } = world
  const sent = sendSecurely(use, { config, network: request.ingress.network, node })
  steps.push(...sent.steps)
  return nodePlane({ ...request.ingress, ...(sent.secure ? { secure: true } : {}) }, config)
}

/**
 * ONIE installs what it is pointed to, and asks again until it is: only a node or profile that names an installer
 * gets one.
 */
function installer(asked: Asked): Action {
  for (const { override, by, from } of overrides(asked)) {
    const name = typeof override === 'string' ? override : override['onie']
    if (name !== undefined)
      return offer(overHttp(asked), { name, file: asked.world.firmware.get(name), by, from })
  }
  return noBoot(
    asked,
    'ONIE gets an installer only where a node or profile names one, loader: { onie: FILE }',
  )
}

function overHttp(asked: Asked): Asked {
  const { request } = asked
  return { ...asked, request: { ...request, client: { ...request.client, transport: 'http' } } }
}

/** Without a file it asks its server for names of its own, and knows that one by siaddr alone (u-boot net/bootp.c). */
function uBoot(asked: Asked): Action {
  const action = loader(asked, 'rom')
  return action.kind === 'no-boot' ? { ...action, nextServer: true } : action
}

/** Petitboot reads a configuration of pxelinux's form, which only the operator can have written. */
function petitboot(asked: Asked): Action {
  const { arch } = asked.request.client
  const named = arch === undefined ? undefined : namedLoader(asked, arch, 'rom')
  return named === undefined
    ? noBoot(asked, `petitboot reads a pxelinux configuration, and none is named: loader: { ${arch}: FILE }`)
    : offer(overHttp(asked), named)
}

/** Its ROM asks for names of its own over TFTP, once the offer says "Raspberry Pi Boot". */
function raspberryPi(asked: Asked): Action {
  const { world, steps } = asked
  const { arch = 'arm-rpiboot' } = asked.request.client
  const named = namedLoader(asked, arch, 'rom')
  if (named !== undefined)
    steps.push({
      ...{ rule: 'loader.override', from: named.from },
      outcome: `${named.by} says ${named.name}, but a Raspberry Pi's ROM asks for names of its own`,
    })
  const name = PI_START.find((one) => world.firmware.has(one))
  const file = name === undefined ? undefined : world.firmware.get(name)
  if (file === undefined)
    return noBoot(
      asked,
      `no boot files for a Raspberry Pi: ${orList(PI_START)} is missing in ${dirs(world)}; UEFI for the model, or its system's boot folder, has them`,
      'no boot files for a Raspberry Pi',
    )
  const firmware: Firmware = 'raspberry-pi'
  asked.steps.push({
    ...{ rule: 'loader.select', outcome: `the Raspberry Pi's own names over tftp, ${file.name} first` },
    ...{ from: 'config', cite: file.path },
  })
  return { kind: 'boot-file', file, over: 'tftp', firmware }
}

/** `brief` is for the trace, where the whole reason would be the answer twice. */
function noBoot(
  { steps }: Asked,
  reason: string,
  brief: string = reason,
): { readonly kind: 'no-boot'; readonly reason: string } {
  steps.push({ rule: 'loader.select', outcome: brief, from: 'config' })
  return { kind: 'no-boot', reason }
}

function dirs({ firmwareDirs }: World): string {
  return firmwareDirs.join(', ') || 'no directory'
}

function orList(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} or ${last}`
}
