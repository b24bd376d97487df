import { z } from 'zod'
import { addIpv4, formatIpv4, type Ipv4, rangeContains, subnetContains } from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import type { Config, Network, Node } from '../model/config.ts'

const MAC = z.string().transform((text, context): Mac => {
  const mac = parseMac(text)
  if (mac !== undefined) return mac
  context.issues.push({ code: 'custom', input: text, message: 'expected a MAC address' })
  return z.NEVER
})

const PlannedMachineSchema = z.object({
  /** The node's, or `unknown-1` for a machine that no node describes. */
  name: z.string(),
  mac: MAC,
  /** The name of its network, whose bridge it is plugged into. */
  network: z.string(),
  firmware: z.enum(['bios', 'uefi']),
  nic: z.enum(['virtio', 'e1000']),
  /** Its own ROM hidden behind a vendor's: the machine loads iPXE over TFTP as plain PXE does. */
  plainPxe: z.boolean(),
})

const PlannedBridgeSchema = z.object({
  network: z.string(),
  /** The interface of the network; here a bridge of that name. */
  name: z.string(),
  /** The server's, dotted decimal. */
  address: z.string(),
  prefix: z.number(),
})

const KeyStepSchema = z.object({
  machine: z.string(),
  /** Text that its serial console must show first. */
  waitFor: z.string(),
  /** What is typed then. */
  send: z.string(),
})

/** A wish that the configuration cannot fulfil; the message is for whoever typed it. */
export class PlanError extends Error {}

/** One run of the lab, handed to the process inside the private world as JSON. */
export const LabPlanSchema = z.object({
  configFile: z.string(),
  stateDir: z.string(),
  /** Where serial logs, the server's log, captures and the timeline are kept. */
  folder: z.string(),
  bridges: z.array(PlannedBridgeSchema).min(1),
  machines: z.array(PlannedMachineSchema).min(1),
  acceleration: z.enum(['tcg', 'kvm']),
  memoryMib: z.number(),
  /** Seconds until machines that are not in service count as failed. */
  timeoutSeconds: z.number(),
  capture: z.boolean(),
  /** The files that take the place of every image's. */
  payload: z.object({ kernel: z.string(), initrd: z.string() }).optional(),
  /** Every machine's own, as qemu-img reads it. */
  diskSize: z.string().optional(),
  /** Disks and UEFI variables are those of the last run. */
  keep: z.boolean(),
  /** The machines run on when all is over, until the lab is told to end. */
  stay: z.boolean(),
  /** The machine whose serial console gets this terminal. */
  console: z.string().optional(),
  keys: z.array(KeyStepSchema),
  json: z.boolean(),
  record: z.string().optional(),
})

export type LabPlan = z.infer<typeof LabPlanSchema>
export type PlannedMachine = z.infer<typeof PlannedMachineSchema>
export type PlannedBridge = z.infer<typeof PlannedBridgeSchema>
export type KeyStep = z.infer<typeof KeyStepSchema>

export interface MachineWishes {
  /** Names of nodes; every node when empty, none when only unknown machines are wished for. */
  readonly nodes: readonly string[]
  /** Machines that no node describes. */
  readonly unknown: number
  /** For all machines; otherwise BIOS and UEFI take turns. */
  readonly firmware?: 'bios' | 'uefi'
  /** Names of BIOS machines whose ROM does not show itself as iPXE. */
  readonly plainPxe: readonly string[]
}

/** The virtual machines for a configuration, and the networks they are plugged into. Throws a PlanError. */
export function planMachines(config: Config, wishes: MachineWishes): Pick<LabPlan, 'bridges' | 'machines'> {
  const networks = config.networks.filter(({ interface: name }) => name !== undefined)
  const [first] = networks
  if (first === undefined) throw new PlanError(`${config.file} has no network with an interface`)
  const wanted = [
    ...describedMachines(config, networks, wishes),
    ...unknownMachines(config, networks, wishes),
  ]
  if (wanted.length === 0)
    throw new PlanError(`${config.file} describes no node to boot; --unknown 1 boots a machine without one`)
  const loopback = networks.find((network) => network.interface === 'lo')
  if (loopback !== undefined)
    throw new PlanError(`the network ${loopback.name} is on lo, where no machine is`)
  const kept = wanted.find(({ name }) => OWN_FILES.includes(name))
  if (kept !== undefined)
    throw new PlanError(`a node named ${kept.name} would take the place of the lab's own file`)
  const second = networks.find(
    ({ interface: name }, i) => networks.findIndex((other) => other.interface === name) < i,
  )
  if (second !== undefined)
    throw new PlanError(`the network ${second.name} shares its interface; the lab has one subnet on each`)
  const machines = wanted.map((machine) => planMachine(machine, wishes))
  const stray = wishes.plainPxe.find((name) => !machines.some((machine) => machine.name === name))
  if (stray !== undefined) throw new PlanError(`--plain-pxe: there is no machine ${stray} in this run`)
  return { machines, bridges: networks.map((network) => planBridge(network, config)) }
}

/** `place` in the configuration decides whose turn it is to be BIOS or UEFI: the same in every run. */
type Wanted = Pick<PlannedMachine, 'name' | 'mac' | 'network'> & { readonly place: number }

function describedMachines(
  config: Config,
  networks: readonly Network[],
  { nodes, unknown }: MachineWishes,
): readonly Wanted[] {
  const stranger = nodes.find((name) => !config.nodes.some((node) => node.name === name))
  if (stranger !== undefined) throw new PlanError(`there is no node ${stranger} in ${config.file}`)
  const everyNode = nodes.length === 0 && unknown === 0
  return config.nodes
    .filter((node) => everyNode || nodes.includes(node.name))
    .map((node) => ({
      ...{ name: node.name, mac: firstMac(node), network: networkOf(node, networks) },
      place: config.nodes.indexOf(node),
    }))
}

function firstMac({ name, macs }: Node): Mac {
  const [mac] = macs
  if (mac === undefined) throw new PlanError(`the node ${name} has no MAC address`)
  return mac
}

/** The network of its reservation; without one, the first that gives out addresses. */
function networkOf({ name, address }: Node, networks: readonly Network[]): string {
  const own = networks.find(({ subnet }) => address !== undefined && subnetContains(subnet, address))
  const found = own ?? networks.find(({ dhcp }) => dhcp !== 'off') ?? networks[0]
  if (found === undefined) throw new PlanError(`${name} has no network`)
  if (found.dhcp === 'off')
    throw new PlanError(
      `${name} is on ${found.name}, where dhcp: off gives it no address; leave it out with --node`,
    )
  return found.name
}

/** Machines fresh from the crate, on every network in turn. */
function unknownMachines(
  config: Config,
  networks: readonly Network[],
  { unknown }: MachineWishes,
): readonly Wanted[] {
  const places = networks.filter(({ dhcp }) => dhcp !== 'off')
  const taken = new Set(config.nodes.flatMap(({ macs }) => macs))
  return Array.from({ length: unknown }, (_, i): Wanted => {
    const network = places[i % places.length]
    const mac = parseMac(`52:54:00:1a:b0:${(i + 1).toString(16).padStart(2, '0')}`)
    if (network === undefined) throw new PlanError(`${config.file} has no network with DHCP`)
    if (mac === undefined || i >= MOST_UNKNOWN) throw new PlanError(`--unknown: at most ${MOST_UNKNOWN}`)
    const name = `unknown-${i + 1}`
    if (config.nodes.some((node) => node.name === name))
      throw new PlanError(`--unknown: a node of ${config.file} is named ${name}`)
    if (taken.has(mac)) throw new PlanError(`--unknown: a node of ${config.file} has the MAC address ${mac}`)
    return { name, mac, network: network.name, place: i }
  })
}

const MOST_UNKNOWN = 64
/** What stands beside the machines' folders and could be a node's name. */
const OWN_FILES: readonly string[] = ['lock', 'state']

function planMachine({ place, ...wanted }: Wanted, wishes: MachineWishes): PlannedMachine {
  const plainPxe = wishes.plainPxe.includes(wanted.name)
  const firmware = wishes.firmware ?? (place % 2 === 0 ? 'bios' : 'uefi')
  if (plainPxe && firmware !== 'bios')
    throw new PlanError(`${wanted.name} is a UEFI machine: it has no PXE ROM to hide; add --firmware bios`)
  return { ...wanted, firmware, nic: 'virtio', plainPxe }
}

function planBridge(network: Network, config: Config): PlannedBridge {
  const address = network.address ?? network.options.router ?? freeAddress(network, config)
  if (network.interface === undefined || address === undefined)
    throw new PlanError(`the network ${network.name} needs an address: for the lab`)
  const { prefix } = network.subnet
  return { network: network.name, name: network.interface, address: formatIpv4(address), prefix }
}

/** The first address of a subnet that is in no pool and reserved for nobody. */
function freeAddress({ subnet, pools }: Network, { nodes }: Config): Ipv4 | undefined {
  const candidates = Array.from({ length: 254 }, (_, i) => addIpv4(subnet.network, i + 1))
  return candidates.find(
    (address) =>
      subnetContains(subnet, address) &&
      !pools.some((pool) => rangeContains(pool, address)) &&
      !nodes.some((node) => node.address === address),
  )
}
