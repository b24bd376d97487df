import { formatIpv4, type Ipv4 } from '../lib/ipv4.ts'
import type { Network } from '../model/config.ts'
import type { HeardServer, OfferedBoot } from '../model/host.ts'

/** What is known of another server. A kind that is not known was inferred from option 54, which says: an address. */
export type Known = Partial<Pick<HeardServer, 'kind' | 'boot'>> & Pick<HeardServer, 'address'>

/** How another server gets in the way, with its remedy. */
export interface Advice {
  readonly code: 'addresses' | 'vendor-class' | 'boot-server' | 'boot-file' | 'next-server'
  readonly text: string
}

type Where = Pick<Network, 'name' | 'dhcp' | 'besides' | 'nextServer'>

/** What is to be said about another server of a network. `ours` is our address there, where it is known. */
export function adviseOn(server: Known, network: Where, ours?: Ipv4): readonly Advice[] {
  return [
    addressesToo(server, network),
    vendorClassAlone(server),
    ...(answers(network) ? [bootServerToo(server, network), bootFileToo(server, network, ours)] : []),
  ].filter((advice) => advice !== undefined)
}

/** Whether a server gives addresses on a network where the configuration expects nobody else's. */
function isUnexpected({ kind, address }: Known, { dhcp, besides }: Where): boolean {
  return kind !== 'proxy' && !besides.includes(address) && (dhcp === 'server' || besides.length > 0)
}

function addressesToo(server: Known, network: Where): Advice | undefined {
  if (!isUnexpected(server, network)) return undefined
  const address = formatIpv4(server.address)
  const remedy = network.dhcp === 'server' ? 'stop it, set dhcp: proxy here' : 'stop it'
  const text = `${address} gives addresses on ${network.name} too: ${remedy}, or name it in besides: [${address}]`
  return { code: 'addresses', text }
}

/**
 * EDK2 takes an answer with option 60 "PXEClient" and without PXE's options in 43 for BINL: it passes over the boot file
 * and asks siaddr, port 4011 (NetworkPkg/UefiPxeBcDxe/PxeBcDhcp4.c). A proxy may answer so, it has that port.
 */
function vendorClassAlone({ address, kind, boot }: Known): Advice | undefined {
  if (kind === 'proxy' || boot?.hasPxeOptions === true || !boot?.vendorClass?.startsWith('PXEClient'))
    return undefined
  const server = formatIpv4(address)
  const text =
    `${server} sends option 60 "PXEClient" without PXE's options in 43: UEFI machines then pass over boot files and ask ` +
    `${formatIpv4(boot.nextServer ?? address)} on port 4011 (PXE-E16, PXE-E18); ` +
    `remove option 60 from ${server} (Windows: 060 PXEClient, in server and scope options)`
  return { code: 'vendor-class', text }
}

function bootServerToo({ address, kind }: Known, { besides }: Where): Advice | undefined {
  if (kind !== 'proxy' || besides.includes(address)) return undefined
  const server = formatIpv4(address)
  const text = `${server} tells machines where to boot too (proxyDHCP), and which of the two they take is chance: stop one of them`
  return { code: 'boot-server', text }
}

/** What an answer with an address says about booting counts for legacy ROMs and iPXE, which take the first that has a file. */
function bootFileToo({ address, kind, boot }: Known, network: Where, ours?: Ipv4): Advice | undefined {
  if (kind === 'proxy' || boot === undefined || namesUs(boot, network, ours)) return undefined
  const server = formatIpv4(address)
  const { bootFile, nextServer } = boot
  if (bootFile !== undefined) {
    const from = nextServer === undefined ? '' : ` from ${formatIpv4(nextServer)}`
    const text = `${server} offers the boot file ${bootFile}${from}, which machines may take instead of ours: remove options 66 and 67 (next-server, filename) from ${server}`
    return { code: 'boot-file', text }
  }
  // Without a file its own address there means nothing: dnsmasq and many routers write it always.
  if (nextServer === undefined || nextServer === address) return undefined
  const text = `${server} names ${formatIpv4(nextServer)} as the machines' next-server (siaddr): remove that from ${server}, or name us`
  return { code: 'next-server', text }
}

function namesUs({ nextServer, tftpServer }: OfferedBoot, network: Where, ours?: Ipv4): boolean {
  const own = [ours, network.nextServer].filter((address) => address !== undefined)
  return own.some((address) => nextServer === address || tftpServer === formatIpv4(address))
}

function answers({ dhcp }: Where): boolean {
  return dhcp === 'server' || dhcp === 'proxy'
}
