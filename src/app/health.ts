import type { HttpAnswer } from '../model/http.ts'

/** One service that the configuration asks for; `problem` when it does not work now. */
export interface HealthItem {
  readonly name: string
  readonly problem?: string
}

export interface Health {
  readonly version: string
  readonly items: readonly HealthItem[]
}

/** `GET /health`: 200 when every enabled service works, 503 with the reasons otherwise. */
export function healthAnswer({ version, items }: Health): HttpAnswer {
  const problems = items.filter((item) => item.problem !== undefined)
  const status = problems.length === 0 ? 'ok' : 'degraded'
  const services = Object.fromEntries(items.map((item) => [item.name, item.problem ?? 'ok']))
  return {
    kind: 'text',
    status: problems.length === 0 ? 200 : 503,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: `${JSON.stringify({ status, version, services })}\n`,
  }
}
