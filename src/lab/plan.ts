import { z } from 'zod'
import { formatIpv4 } from '../lib/ipv4.ts'
import { type Mac, parseMac } from '../lib/mac.ts'
import type { Config, Network, Node } from '../model/config.ts'

const MAC = z.string().transform((text, context): Mac => {
  const mac = parseMac(text)
  if (mac !== undefined) return mac
  context.issues.push({ code: 'custom', input: text, message: 'expected a MAC address' })
  return z.NEVER
})

const PlannedMachineSchema = z.object({
  name: z.string(),
  mac: MAC,
  firmware: z.enum(['bios', 'uefi']),
  nic: z.enum(['virtio', 'e1000']),
  /** Its own ROM hidden behind a vendor's: the machine loads iPXE over TFTP as plain PXE does. */
  plainPxe: z.boolean(),
})

/** A wish that the configuration cannot fulfil; the message is for whoever typed it. */
export class PlanError extends Error {}

/** One run of the lab, handed to the process inside the private world as JSON. */
export const LabPlanSchema = z.object({
  configFile: z.string(),
  stateDir: z.string(),
  /** Where serial logs, the server's log, captures and the timeline are kept. */
  folder: z.string(),
  bridge: z.object({ name: z.string(), address: z.string(), prefix: z.number() }),
  machines: z.array(PlannedMachineSchema).min(1),
  acceleration: z.enum(['tcg', 'kvm']),
  memoryMib: z.number(),
  /** Seconds until machines that are not in service count as failed. */
  timeoutSeconds: z.number(),
  capture: z.boolean(),
})

export type LabPlan = z.infer<typeof LabPlanSchema>
export type PlannedMachine = z.infer<typeof PlannedMachineSchema>

export interface MachineWishes {
  /** Names of nodes; every node when empty. */
  readonly nodes: readonly string[]
  /** For all machines; otherwise BIOS and UEFI take turns. */
  readonly firmware?: 'bios' | 'uefi'
  /** Names of BIOS nodes whose ROM does not show itself as iPXE. */
  readonly plainPxe: readonly string[]
}

/** The virtual machines for the nodes of a configuration. The error names what is missing. */
export function planMachines(
  config: Config,
  { nodes, firmware, plainPxe }: MachineWishes,
): readonly PlannedMachine[] {
  const unknown = [...nodes, ...plainPxe].find((name) => !config.nodes.some((node) => node.name === name))
  if (unknown !== undefined) throw new PlanError(`there is no node ${unknown} in ${config.file}`)
  const chosen = config.nodes.filter((node) => nodes.length === 0 || nodes.includes(node.name))
  if (chosen.length === 0) throw new PlanError(`${config.file} describes no node to boot`)
  return chosen.map((node, index) => {
    const turn = index % 2 === 0 ? 'bios' : 'uefi'
    return planMachine(node, firmware ?? turn, plainPxe.includes(node.name))
  })
}

function planMachine({ name, macs }: Node, firmware: 'bios' | 'uefi', plainPxe: boolean): PlannedMachine {
  const [mac] = macs
  if (mac === undefined) throw new PlanError(`the node ${name} has no MAC address`)
  if (plainPxe && firmware !== 'bios')
    throw new PlanError(`${name} is a UEFI machine: it has no PXE ROM to hide`)
  return { name, mac, firmware, nic: 'virtio', plainPxe }
}

/** The network on which the lab's machines live: the first that the server serves. */
export function planBridge(config: Config): LabPlan['bridge'] {
  const network: Network | undefined = config.networks.find((candidate) => candidate.interface !== undefined)
  if (network?.interface === undefined) throw new PlanError(`${config.file} has no network with an interface`)
  const address = network.address ?? network.router
  if (address === undefined) throw new PlanError(`the network ${network.name} needs an address: for the lab`)
  return { name: network.interface, address: formatIpv4(address), prefix: network.subnet.prefix }
}
