import { formatIpv4 } from '../lib/ipv4.ts'
import { type Checked, problem } from './places.ts'
import type { ConfigProblem } from './source.ts'

/** A base of files that is this server itself would send machines round in circles. */
export function checkFiles({ config, networks }: Checked): readonly ConfigProblem[] {
  const { httpPort, https } = config.server
  const own = new Set(
    config.networks.flatMap(({ address }) => {
      if (address === undefined) return []
      const host = formatIpv4(address)
      return [`http://${host}:${httpPort}`, ...(https === undefined ? [] : [`https://${host}:${https.port}`])]
    }),
  )
  return config.networks.flatMap(({ files }, i) => {
    const place = networks[i]
    if (files === undefined || place === undefined || !own.has(originOf(files.url))) return []
    return [problem(place, 'files', `${files.url} is this server itself; leave the key out`)]
  })
}

function originOf(text: string): string {
  const { protocol, hostname, port } = new URL(text)
  return `${protocol}//${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`
}
