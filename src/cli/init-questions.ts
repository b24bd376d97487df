import { statSync } from 'node:fs'
import { type FirstDhcpMode, proposeNetwork, rankInterfaces, type Wishes } from '../config/propose.ts'
import { formatIpv4, formatSubnet, type Ipv4Range, type Subnet } from '../lib/ipv4.ts'
import { err, ok, type Result } from '../lib/result.ts'
import { formatTable, printable } from '../lib/text.ts'
import type { Hearing, Host, HostInterface } from '../model/host.ts'
import { Questions } from './ask.ts'
import { checkWishes, type ImageWish, readImageFile, readPool, readSubnet, sameName } from './init-flags.ts'
import { say } from './output.ts'

export interface Decisions {
  readonly wishes: Wishes
  readonly image: ImageWish | undefined
}

interface Found extends Decisions {
  readonly host: Host
  readonly hearing: Hearing
}

/** Asks what no flag has decided; Enter takes the proposal, which follows the answers before it. */
export async function askOperator(found: Found): Promise<Decisions> {
  const questions = new Questions()
  try {
    say(`\n${interfaceTable(found)}\n`)
    let { wishes } = found
    wishes = await askInterface(questions, found)
    wishes = await askSubnet(questions, { ...found, wishes })
    wishes = await askMode(questions, { ...found, wishes })
    wishes = await askPool(questions, { ...found, wishes })
    const image = found.image ?? (await askImage(questions))
    return { wishes, image }
  } finally {
    questions.close()
  }
}

function interfaceTable({ host, hearing }: Found): string {
  const rows = rankInterfaces(host, hearing).map((one) => [
    printable(one.name),
    one.subnets.map(({ subnet, address }) => describeSubnet(subnet, address)).join(' ') || '-',
    one.isRunning ? 'yes' : '-',
    one.hasDefaultRoute ? 'yes' : '-',
    describeHearing(one, hearing),
  ])
  return formatTable([['INTERFACE', 'NETWORK', 'RUNNING', 'DEFAULT ROUTE', 'DHCP SERVERS HEARD'], ...rows])
}

function describeSubnet(subnet: Subnet, address: Parameters<typeof formatIpv4>[0] | undefined): string {
  return address === undefined ? formatSubnet(subnet) : `${formatIpv4(address)}/${subnet.prefix}`
}

function describeHearing({ name }: HostInterface, hearing: Hearing): string {
  if (hearing.kind === 'not-listened' || !hearing.interfaces.includes(name)) return 'nobody listened'
  const heard = hearing.servers.filter((server) => server.interface === name)
  return (
    heard
      .map(({ address, kind }) => `${formatIpv4(address)}${kind === 'proxy' ? ' (proxy)' : ''}`)
      .join(' ') || 'none'
  )
}

async function askInterface(questions: Questions, { host, hearing, wishes }: Found): Promise<Wishes> {
  const names = rankInterfaces(host, hearing).map(({ name }) => name)
  const proposed = proposeNetwork(host, hearing, wishes)
  const preset = proposed.ok ? proposed.value.interface : names[0]
  if (wishes.interface !== undefined || preset === undefined) return wishes
  if (host.interfaces.some((one) => one.name === preset && one.hasDefaultRoute))
    say(
      `${printable(preset)} carries the default route of this machine: its own network, and perhaps others' too.`,
    )
  const chosen = await questions.ask({
    text: 'Interface that machines boot from',
    preset,
    read: (name) =>
      names.includes(name)
        ? ok(name)
        : err(`there is no interface ${name}; there are ${names.map((one) => printable(one)).join(', ')}`),
  })
  return { ...wishes, interface: chosen }
}

/** Only where nothing tells it. */
async function askSubnet(questions: Questions, { host, hearing, wishes }: Found): Promise<Wishes> {
  if (wishes.interface === undefined || proposeNetwork(host, hearing, wishes).ok) return wishes
  const subnet = await questions.ask({
    text: `${printable(wishes.interface)} has no IPv4 network. Subnet of the machines`,
    preset: '10.77.0.0/24',
    read: readSubnet,
  })
  return { ...wishes, subnet }
}

const MODES: readonly FirstDhcpMode[] = ['observe', 'server', 'off']

async function askMode(questions: Questions, { host, hearing, wishes }: Found): Promise<Wishes> {
  const proposed = proposeNetwork(host, hearing, wishes)
  if (wishes.dhcp !== undefined || !proposed.ok) return wishes
  say(`${proposed.value.why}
  observe  sends nothing over DHCP, writes down what it would answer
  server   is the DHCP server of ${formatSubnet(proposed.value.subnet)}: answers every client there
  off      no DHCP; TFTP and HTTP alone`)
  const dhcp = await questions.ask({
    text: 'DHCP',
    preset: proposed.value.dhcp,
    read: (text) => {
      const mode = MODES.find((one) => one === text)
      return mode === undefined ? err(`expected ${MODES.join(', ')}, got "${text}"`) : ok(mode)
    },
  })
  return { ...wishes, dhcp }
}

async function askPool(questions: Questions, { host, hearing, wishes }: Found): Promise<Wishes> {
  const proposed = proposeNetwork(host, hearing, wishes)
  if (!proposed.ok || proposed.value.dhcp !== 'server' || wishes.pool !== undefined) return wishes
  const { pool, subnet } = proposed.value
  const read = (text: string): Result<Ipv4Range | 'none', string> => {
    const range = readPool(text)
    const checked = range.ok ? checkWishes({ pool: range.value }, subnet) : range
    return checked.ok ? range : checked
  }
  const answer = await questions.ask({
    text: 'Pool for machines without a reservation, or none',
    preset: pool === undefined ? 'none' : `${formatIpv4(pool.first)}-${formatIpv4(pool.last)}`,
    read,
  })
  return { ...wishes, pool: answer }
}

async function askImage(questions: Questions): Promise<ImageWish | undefined> {
  const kernel = await questions.ask({
    text: 'Kernel to boot, a file (none: later)',
    preset: 'none',
    read: readPresent,
  })
  if (kernel === 'none') return undefined
  const initrd = await questions.ask({
    text: 'Its initrd, a file (none: it needs none)',
    preset: 'none',
    read: (text) => {
      const file = readPresent(text)
      const twice = sameName({ kernel, initrd: [text] })
      return file.ok && twice !== undefined ? err(twice) : file
    },
  })
  return { kernel, initrd: initrd === 'none' ? [] : [initrd] }
}

/** A file that is there, or the word none. */
function readPresent(text: string): Result<string, string> {
  const file = readImageFile(text)
  const found = statSync(text, { throwIfNoEntry: false })
  return text === 'none' || !file.ok || found?.isFile() === true ? file : err(`there is no file ${text}`)
}
