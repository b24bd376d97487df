import type { Command } from 'commander'
import { LeaseTable } from '../address/lease-table.ts'
import { renderedDocument } from '../app/answer-document.ts'
import { worldAt } from '../app/world.ts'
import { decide } from '../boot/decide.ts'
import { classifyDocument } from '../boot/documents.ts'
import { addIpv4, formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import { type Mac, macWithDashes, parseMac } from '../lib/mac.ts'
import type { Config, Network, Node } from '../model/config.ts'
import { DOCUMENT_PARTS, PARTS_OF } from '../model/document.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { pickNetwork, pictureOf, placeOf } from './explain-place.ts'
import { print, requireConfig, say } from './output.ts'

interface DocumentFlags {
  readonly config: string
  readonly network?: string
  readonly profile?: string
}

/**
 * `document`: renders from the configuration alone; no server is asked, no lease is looked at. Exit code 1 when
 * there is none.
 */
export function addDocument(program: Command): void {
  program
    .command('document')
    .summary("a node's installer document, as it would be served")
    .description('Prints preseed, kickstart, Ignition or cloud-init of a node, with its values.')
    .argument('<node>', 'the name of a node, or a MAC address')
    .argument('[part]', `one of ${DOCUMENT_PARTS.join(', ')}; default: the first of its kind`)
    .requiredOption('--config <file>', 'the configuration')
    .option('--network <name>', 'where it asks; default: the network of its reservation, or the first')
    .option('--profile <name>', 'as if its last script had booted this profile; default: the one it boots')
    .action(async (name: string, part: string | undefined, flags: DocumentFlags) => {
      const config = await requireConfig(flags.config)
      const mac = macOf(name, config)
      print(await documentText(mac, part, flags, config))
    })
}

/** A node without a MAC address is told by its name all the same: any address will do. */
function macOf(name: string, { nodes }: Config): { readonly mac: Mac; readonly node?: Node } {
  const node = nodes.find((one) => one.name === name)
  const mac = node?.macs[0] ?? parseMac(name)
  if (mac !== undefined) return { mac, ...(node === undefined ? {} : { node }) }
  const known = node === undefined ? `there is no node ${name}` : `the node ${name} has no MAC address`
  throw new CliError(`${known}; name a node or a MAC address`, EXIT.usage)
}

/** Of a machine without a reservation only its lease tells: one that it could get stands for it. */
function addressToShow({ pools, subnet }: Network): Ipv4 {
  const address = pools[0]?.first ?? addIpv4(subnet.network, 2)
  say(`as if its address were ${formatIpv4(address)}: no reservation says which`)
  return address
}

async function documentText(
  { mac, node }: { readonly mac: Mac; readonly node?: Node },
  part: string | undefined,
  flags: DocumentFlags,
  config: Config,
): Promise<string> {
  const network = pickNetwork(flags.network, mac, config)
  const { address: server } = placeOf(network, config)
  const peer = node?.address ?? addressToShow(network)
  const ingress = { network: network.name, server, peer }
  const picture = await pictureOf(config)
  const ask = (wanted: string): ReturnType<typeof decide> => {
    const request = classifyDocument([macWithDashes(mac), wanted], ingress, flags.profile)
    if (!request.ok) throw new CliError(request.error, EXIT.usage)
    return decide(request.value, worldAt(picture, new LeaseTable(), Date.now()))
  }
  const main = [...new Set(Object.values(PARTS_OF).map(([first]) => first))]
  const actions = (part === undefined ? main : [part]).map((wanted) => ask(wanted).action)
  const found = actions.find((action) => action.kind === 'document')
  if (found === undefined) {
    const [action] = actions
    throw new CliError(`no document: ${action?.kind === 'refuse' ? action.reason : 'there is none'}`)
  }
  const rendered = renderedDocument(found)
  if (!rendered.ok) throw new CliError(`${found.document.name}, ${rendered.error}`)
  return rendered.value
}
