import { openQuietRouter } from '../../src/servers/quiet-router.ts'

/** Tells every machine on the interface that no IPv6 router is there, so that iPXE does not wait 13 s for one. */
export function answerRouterSolicitations(interfaceName: string): ReturnType<typeof openQuietRouter> {
  return openQuietRouter({
    ...{ interface: interfaceName, asksFirst: false, isBooting: () => true },
    onAnswered: () => {},
    onRouter: () => {},
  })
}
