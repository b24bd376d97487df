import { formatIpv4 } from '../lib/ipv4.ts'
import type { OfferedBoot } from '../model/host.ts'

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
