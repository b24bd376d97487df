import { isSameUuid } from '../lib/uuid.ts'
import type { MachineEvidence, SaidOfSmbios, ShownOverDhcp } from '../model/evidence.ts'
import type { NodeEvidence, PortEvidence } from '../model/node-keys.ts'
import type { Shown } from '../model/world.ts'

/** What one DHCP message shows of a machine; a port only where its relay is believed. */
export type DhcpShows = Pick<NodeEvidence, 'uuid' | 'port' | 'clientId'> & Pick<ShownOverDhcp, 'arch'>

export interface DhcpSender {
  /** Firmware's own message and not a loader's. */
  readonly isFirmware: boolean
  /** The first message of an exchange: a DISCOVER, or BOOTP. */
  readonly begins: boolean
}

/**
 * After a DHCP message of firmware or a loader. Firmware that shows a UUID replaces all that DHCP showed before; a loader that does
 * (iPXE) all but the firmware's UUID. A message without a UUID never takes one back: where firmware begins anew, it is only
 * known to be from before. Relays add the port to every DISCOVER, so that one without has left the port.
 *
 * Firmware that begins anew may be another machine's, with the same card: what was said of SMBIOS speaks for no node any more,
 * and with another UUID against none.
 */
export function afterDhcp(
  before: MachineEvidence | undefined,
  { uuid, port, arch, clientId }: DhcpShows,
  sender: DhcpSender,
): MachineEvidence | undefined {
  const old: ShownOverDhcp = before?.dhcp ?? {}
  const isAnew = sender.isFirmware && (sender.begins || uuid !== undefined)
  const isWhole = isAnew || uuid !== undefined
  const hadUuid = old.uuid !== undefined || old.loaderUuid !== undefined
  const dhcp = {
    ...uuidsAfter(old, uuid, { ...sender, isAnew }),
    ...given('port', port ?? (isWhole || sender.begins ? undefined : old.port)),
    ...given('arch', arch ?? (isWhole ? undefined : old.arch)),
    ...given('clientId', clientId ?? (isWhole || (sender.begins && !hadUuid) ? undefined : old.clientId)),
  }
  return evidence({ ...before, dhcp, smbios: stillSaid(before?.smbios, uuid, isAnew) })
}

function uuidsAfter(
  { uuid: own, loaderUuid, isEarlier }: ShownOverDhcp,
  uuid: string | undefined,
  { isFirmware, isAnew }: { readonly isFirmware: boolean; readonly isAnew: boolean },
): ShownOverDhcp {
  if (uuid !== undefined && isFirmware) return { uuid }
  if (uuid !== undefined) return { ...given('uuid', isEarlier === true ? undefined : own), loaderUuid: uuid }
  const known = { ...given('uuid', own), ...given('loaderUuid', loaderUuid) }
  return isEmpty(known) || !(isAnew || isEarlier === true) ? known : { ...known, isEarlier: true }
}

function stillSaid(
  said: SaidOfSmbios | undefined,
  uuid: string | undefined,
  isAnew: boolean,
): SaidOfSmbios | undefined {
  if (said === undefined || isOther(said.uuid, uuid)) return undefined
  return isAnew && said.isEarlier === undefined ? { ...said, isEarlier: true } : said
}

/** After a script request from the machine's own lease. `isWhole`: all that it knows, so that nothing said before is left. */
export function afterScript(
  before: MachineEvidence | undefined,
  { uuid, serial, assetTag }: SaidOfSmbios,
  isWhole: boolean,
): MachineEvidence | undefined {
  const old = before?.smbios
  const isSame = old !== undefined && old.isEarlier === undefined && !isOther(old.uuid, uuid)
  const smbios = {
    ...(isWhole || !isSame ? {} : old),
    ...given('uuid', uuid),
    ...given('serial', serial),
    ...given('assetTag', assetTag),
  }
  return evidence({ ...before, dhcp: uuid === undefined ? before?.dhcp : ofThisBoot(before?.dhcp), smbios })
}

/** Without UUIDs from before the firmware began anew. */
function ofThisBoot(dhcp: ShownOverDhcp | undefined): ShownOverDhcp | undefined {
  if (dhcp?.isEarlier !== true) return dhcp
  const { uuid: _, loaderUuid: __, isEarlier: ___, ...rest } = dhcp
  return rest
}

/** All of it, for requests that show less. UUIDs of one boot that are not the same all count. */
export function asShown({ dhcp = {}, smbios = {} }: MachineEvidence): Shown {
  const { uuid, loaderUuid, isEarlier: isOldDhcp = false, ...facts } = dhcp
  const { isEarlier: isOldSmbios = false, uuid: saidUuid, ...said } = smbios
  const uuids = (isOld: boolean) => [
    ...(saidUuid !== undefined && isOldSmbios === isOld ? [saidUuid] : []),
    ...[loaderUuid, uuid].filter((one) => one !== undefined && isOldDhcp === isOld),
  ]
  const earlier = { ...distinct(uuids(true)), ...(isOldSmbios ? said : {}) }
  return {
    ...facts,
    ...distinct(uuids(false)),
    ...(isOldSmbios ? {} : said),
    ...(isEmpty(earlier) ? {} : { earlier }),
  }
}

function distinct(uuids: readonly (string | undefined)[]): Pick<NodeEvidence, 'uuid' | 'otherUuids'> {
  const [uuid, ...rest] = uuids
  if (uuid === undefined) return {}
  const otherUuids = rest.filter((one) => one !== undefined).filter((one) => !isSameUuid(one, uuid))
  return { uuid, ...(otherUuids.length === 0 ? {} : { otherUuids }) }
}

/** Whether it is what was remembered already. */
export function isSameEvidence(one: MachineEvidence = {}, other: MachineEvidence = {}): boolean {
  const { dhcp: a = {}, smbios: s = {} } = one
  const { dhcp: b = {}, smbios: t = {} } = other
  return (
    a.uuid === b.uuid &&
    a.loaderUuid === b.loaderUuid &&
    a.isEarlier === b.isEarlier &&
    a.arch === b.arch &&
    a.clientId === b.clientId &&
    isSamePort(a.port, b.port) &&
    s.uuid === t.uuid &&
    s.serial === t.serial &&
    s.assetTag === t.assetTag &&
    s.isEarlier === t.isEarlier
  )
}

/** Whether it is the same port of the same relay. */
export function isSamePort(one: PortEvidence | undefined, other: PortEvidence | undefined): boolean {
  return (
    one?.relay === other?.relay && one?.circuitId === other?.circuitId && one?.remoteId === other?.remoteId
  )
}

function isOther(uuid: string | undefined, seen: string | undefined): boolean {
  return uuid !== undefined && seen !== undefined && !isSameUuid(uuid, seen)
}

/** undefined: nothing to remember. */
function evidence({
  dhcp,
  smbios,
  node,
}: { readonly [Key in keyof MachineEvidence]: MachineEvidence[Key] | undefined }):
  | MachineEvidence
  | undefined {
  const all = {
    ...(isEmpty(dhcp) ? {} : { dhcp }),
    ...(isEmpty(smbios) ? {} : { smbios }),
    ...(node === undefined ? {} : { node }),
  }
  return isEmpty(all) ? undefined : all
}

function isEmpty(facts: object | undefined): facts is undefined {
  return facts === undefined || Object.keys(facts).length === 0
}

function given<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]?: Value })
}
