import { type Health, healthAnswer } from '../app/health.ts'
import { metricsAnswer } from '../app/metrics.ts'
import { operatorObserver } from '../app/observe-exchange.ts'
import type { Running } from '../app/running.ts'
import type { HttpAnswer } from '../model/http.ts'
import { type HttpServer, serveHttp } from '../servers/http.ts'

export interface OperatorOptions {
  readonly running: Running
  readonly health: () => Health
  readonly onFault: (error: unknown) => void
}

/** The operator plane: health and metrics for monitoring, also while no network is served. */
export function openOperator({ running, health, onFault }: OperatorOptions): Promise<HttpServer> {
  const { host, port } = running.picture.config.server.operator
  return serveHttp({
    host,
    port,
    handle: async ({ path, method }) =>
      method === 'GET' || method === 'HEAD' ? answer(path, health(), running) : notFound(),
    onFault,
    observer: operatorObserver(running),
  })
}

function answer(path: string, health: Health, running: Running): HttpAnswer {
  switch (path) {
    case '/health':
      return healthAnswer(health)
    case '/metrics':
      return metricsAnswer(health, running)
    default:
      return notFound()
  }
}

function notFound(): HttpAnswer {
  return {
    kind: 'text',
    status: 404,
    headers: { 'Content-Type': 'text/plain' },
    body: 'there are /health and /metrics\n',
  }
}
