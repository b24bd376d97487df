import { Document, isScalar, Scalar, visit } from 'yaml'
import { formatIpv4, formatSubnet, type Ipv4Range } from '../lib/ipv4.ts'
import { parseMac } from '../lib/mac.ts'
import type { NetworkProposal, Wishes } from './propose.ts'

/** The name under which the comment at the top expects the JSON Schema, beside the configuration. */
export const SCHEMA_FILE = 'centra-pxe.schema.json'

export interface FirstConfig {
  readonly network: NetworkProposal
  /** What the operator decided is written as keys, also where the mode does not use it. */
  readonly wishes: Wishes
  readonly stateDir: string
  /** Paths as the configuration shall have them. Without an image its keys are there as comments. */
  readonly image?: { readonly kernel: string; readonly initrd: readonly string[] }
}

/**
 * A whole configuration with comments. Prose is behind `# `; keys to uncomment are behind a `#` in the first column,
 * indented as they must be without it. Every value goes through the YAML library: names and paths may hold anything.
 */
export function firstConfig({ network, wishes, stateDir, image }: FirstConfig): string {
  const page = new Page()
  page.line(`# yaml-language-server: $schema=${SCHEMA_FILE}`)
  page.note(
    0,
    `The configuration of Centra PXE. Editors explain and check its keys by the line above, once you have run ` +
      `"centra-pxe schema > ${SCHEMA_FILE}" beside this file.`,
  )
  page.note(
    0,
    'Relative paths count from this file. A # in the first column with a key behind it is an example: remove the #.',
  )
  page.keys(0, { version: 1 })
  page.line('')
  writeServer(page, stateDir)
  writeNetwork(page, network, wishes)
  writeImages(page, image)
  writeNodes(page, network)
  writeMenu(page)
  return page.text
}

function writeServer(page: Page, stateDir: string): void {
  page.line('server:')
  page.note(
    2,
    'Leases, events and the control socket; loaders in its firmware/ come before those of the distribution.',
  )
  page.keys(2, { stateDir })
  page.note(2, 'Scripts, kernels and reports go over HTTP, on this port of every network below.')
  page.example(2, { boot: { http: 8080 } })
  page.line('')
}

function writeNetwork(page: Page, network: NetworkProposal, wishes: Wishes): void {
  page.line('networks:')
  page.keys(2, [{ name: 'provisioning', interface: network.interface, subnet: formatSubnet(network.subnet) }])
  page.note(4, "The server's own address; without it, the one that the interface has in the subnet.")
  const { address } = network
  if (address !== undefined) page.put(4, { address: formatIpv4(address) }, wishes.address !== undefined)
  page.note(4, `${network.why} ${MODES[network.dhcp]}`)
  page.note(4, otherModes(network))
  page.keys(4, { dhcp: network.dhcp })
  writeAddresses(page, network, wishes)
  page.note(
    4,
    'Who is answered: all; netboot (firmware, loaders and the nodes below); or known (nodes alone).',
  )
  page.example(4, { clients: 'all' })
  page.line('')
}

function writeAddresses(page: Page, network: NetworkProposal, wishes: Wishes): void {
  const serves = network.dhcp === 'server'
  const { pool, router, dns } = network
  if (pool !== undefined) {
    page.note(4, 'Addresses for machines that have no reservation. Nothing else may use them.')
    page.put(4, { pool: formatRange(pool) }, serves || wishes.pool !== undefined)
  }
  page.example(4, { lease: '1h' })
  if (router !== undefined) {
    page.note(4, 'The default gateway that machines are told.')
    page.put(4, { router: formatIpv4(router) }, serves || wishes.router !== undefined)
  } else {
    page.note(
      4,
      'No default gateway is known here: machines reach this network alone, which is enough to boot.',
    )
    if (network.address !== undefined) page.example(4, { router: formatIpv4(network.address) })
  }
  if (dns.length > 0) {
    page.note(4, 'The name servers that machines are told.')
    page.put(4, { dns: dns.map(formatIpv4) }, serves || wishes.dns !== undefined)
  } else if (network.address !== undefined) page.example(4, { dns: [formatIpv4(router ?? network.address)] })
}

const MODES: Readonly<Record<NetworkProposal['dhcp'], string>> = {
  off: 'off: no DHCP at all; TFTP and HTTP serve whoever comes.',
  observe: 'observe: the server sends nothing over DHCP, and writes down what it would have answered.',
  server: 'server: this is the DHCP server of the subnet. It answers every client there, whatever boots it.',
}

function otherModes({ dhcp, heard }: NetworkProposal): string {
  const others = heard.map(({ address }) => formatIpv4(address)).join(' and ')
  if (others !== '')
    return (
      `proxy adds where to boot from and leaves addresses to ${others}. ` +
      `server would fight ${others}: machines take whichever answer comes first, and both may give out the same address.`
    )
  return dhcp === 'server'
    ? 'observe only watches; off leaves DHCP alone.'
    : 'server answers every client of the subnet: only where no other DHCP server is.'
}

const EXAMPLE_IMAGE = { kernel: './images/vmlinuz', initrd: ['./images/initrd.img'] } as const

function writeImages(page: Page, image: FirstConfig['image']): void {
  const isKnown = image !== undefined
  const { kernel, initrd } = image ?? EXAMPLE_IMAGE
  page.note(0, 'What can be booted: a kernel with its initrd, under a name of yours.')
  if (!isKnown)
    page.note(
      0,
      'None was given yet. Until there is one, machines have their local disk to boot from, and no profile.',
    )
  const files = initrd.length === 0 ? {} : { initrd: initrd.length === 1 ? initrd[0] : initrd }
  page.put(0, { images: { linux: { kernel, ...files } } }, isKnown)
  page.note(4, 'Arguments for its kernel, in one line.')
  page.example(4, { cmdline: 'quiet' })
  page.line('')
  page.note(
    0,
    'What machines are for. These three exist, each with a title and its arguments; one without an image stays out of ' +
      'the menu. all-in-one is not for production. Profiles of your own go beside them.',
  )
  const boots = { image: 'linux' }
  page.put(0, { profiles: { 'control-plane': boots, worker: boots, 'all-in-one': boots } }, isKnown)
  page.line('')
}

function writeNodes(page: Page, { exampleAddress }: NetworkProposal): void {
  page.note(
    0,
    'The machines you know: they boot their profile without a question. "centra-pxe nodes --seen --config FILE" prints ' +
      'those that showed up, as YAML to paste here. An address is a reservation.',
  )
  page.example(0, {
    nodes: [
      {
        name: 'node-01',
        mac: '52:54:00:12:34:56',
        ...(exampleAddress === undefined ? {} : { address: formatIpv4(exampleAddress) }),
        profile: 'worker',
      },
    ],
  })
  page.line('')
}

function writeMenu(page: Page): void {
  page.note(
    0,
    'The menu, for machines that no node describes. When nobody chooses: local (the disk), or a profile.',
  )
  page.example(0, { menu: { title: 'Centra PXE', timeout: '30s', default: 'local' } })
  page.line('')
  page.note(0, 'What such machines get: menu, local (their disk), or ignore (no answer at all).')
  page.example(0, { unknown: 'menu' })
  page.line('')
  page.note(0, 'More files with networks, images, profiles and nodes.')
  page.example(0, { include: 'nodes/*.yaml' })
}

function formatRange({ first, last }: Ipv4Range): string {
  return first === last ? formatIpv4(first) : `${formatIpv4(first)}-${formatIpv4(last)}`
}

const WIDTH = 100

/** A YAML text that grows by lines. */
class Page {
  text = ''

  line(line: string): void {
    this.text += `${line}\n`
  }

  /** Prose, wrapped. */
  note(indent: number, prose: string): void {
    const margin = `${' '.repeat(indent)}#`
    let line = margin
    for (const word of prose.split(' ')) {
      if (line.length + 1 + word.length > WIDTH && line !== margin) {
        this.line(line)
        line = margin
      }
      line += ` ${word}`
    }
    this.line(line)
  }

  keys(indent: number, value: object): void {
    this.put(indent, value, true)
  }

  /** Keys to uncomment. */
  example(indent: number, value: object): void {
    this.put(indent, value, false)
  }

  put(indent: number, value: object, isActive: boolean): void {
    for (const line of yamlOf(value).split('\n'))
      this.line(`${isActive ? '' : '#'}${' '.repeat(indent)}${line}`)
  }
}

/** Lists of texts in one line, everything else in lines of its own; MAC addresses in quotes, as YAML 1.1 needs them. */
function yamlOf(value: object): string {
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, {
    Seq: (_key, list) => {
      list.flow = list.items.every(isScalar)
    },
    Scalar: (_key, scalar) => {
      if (typeof scalar.value === 'string' && parseMac(scalar.value) !== undefined)
        scalar.type = Scalar.QUOTE_DOUBLE
    },
  })
  return document.toString({ lineWidth: 0, flowCollectionPadding: false }).replace(/\n$/, '')
}
