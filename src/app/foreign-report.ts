import { formatIpv4 } from '../lib/ipv4.ts'
import type { OfferedBoot } from '../model/host.ts'
import { adviseOn } from './foreign-advice.ts'
import { isCurrent } from './foreign-servers.ts'
import type { Running } from './running.ts'

/** Another server as JSON has it: `/health`, `status` and `networks`. */
export interface ForeignReport {
  readonly network: string
  readonly address: string
  /** `dhcp` gives addresses, `proxy` says where to boot; absent while only a client named it. */
  readonly kind?: 'dhcp' | 'proxy'
  readonly mac?: string
  /** The address it offered us. */
  readonly offered?: string
  /** What it says about booting. */
  readonly boot?: Readonly<Record<string, string | boolean>>
  /** The last client that chose it. */
  readonly client?: string
  /** The configuration names it, in `besides:`. */
  readonly expected: boolean
  /** Seen in the last half hour. */
  readonly current: boolean
  /** How it gets in the way, each with its remedy; none once it is not seen any more. */
  readonly warnings: readonly string[]
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  /** Messages that showed it. */
  readonly count: number
}

/** Every other server that was noticed on a configured network, the last seen first. */
export function foreignReports({ foreign, picture, now }: Running): readonly ForeignReport[] {
  return foreign.list().flatMap((server) => {
    const network = picture.config.networks.find(({ name }) => name === server.network)
    if (network === undefined) return []
    const { address, ours, offered, boot, ...rest } = server
    const current = isCurrent(server, now())
    return [
      {
        ...rest,
        address: formatIpv4(address),
        ...(offered === undefined ? {} : { offered: formatIpv4(offered) }),
        ...(boot === undefined ? {} : { boot: bootJson(boot) }),
        expected: network.besides.includes(address),
        current,
        warnings: current ? adviseOn(server, network, ours).map(({ text }) => text) : [],
      },
    ]
  })
}

/** What a server says about booting, as JSON has it. */
export function bootJson({ nextServer, ...texts }: OfferedBoot): Readonly<Record<string, string | boolean>> {
  return { ...(nextServer === undefined ? {} : { nextServer: formatIpv4(nextServer) }), ...texts }
}

/** "snponly.efi from 10.77.0.9, option 60 PXEClient". */
export function describeBoot({
  nextServer,
  tftpServer,
  bootFile,
  vendorClass,
  hasPxeOptions,
}: OfferedBoot): string {
  const from = nextServer === undefined ? tftpServer : formatIpv4(nextServer)
  return [
    bootFile === undefined ? undefined : from === undefined ? bootFile : `${bootFile} from ${from}`,
    bootFile === undefined && from !== undefined ? `next-server ${from}` : undefined,
    vendorClass === undefined ? undefined : `option 60 ${vendorClass}`,
    hasPxeOptions === true ? 'PXE options' : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(', ')
}
