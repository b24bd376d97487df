import type { HttpsUse } from '../model/config.ts'
import { type Checked, type Place, problem } from './places.ts'
import type { ConfigProblem } from './source.ts'

const NOT_SERVED = 'nothing is served over HTTPS: server.boot.https with certificate: and key: is missing'

/** Who is sent to the HTTPS port, and whether there is one. */
export function checkHttps(checked: Checked): readonly ConfigProblem[] {
  const { config, root, networks, nodes } = checked
  const { https, httpPort } = config.server
  const written = root.has(['server', 'boot', 'https'])
  const wrong = (
    uses: readonly HttpsUse[] | undefined,
    place: Place | undefined,
  ): readonly ConfigProblem[] =>
    place === undefined || uses === undefined || uses.length === 0 || written
      ? []
      : [problem(place, 'https', NOT_SERVED)]
  return [
    ...config.networks.flatMap((network, i) => wrong(network.https, networks[i])),
    ...config.nodes.flatMap((node, i) => wrong(node.https, nodes[i])),
    ...(https?.port === httpPort
      ? [
          root.problem(
            ['server', 'boot', 'https'],
            `port ${httpPort} is that of http: already; choose another`,
          ),
        ]
      : []),
  ]
}
