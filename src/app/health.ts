import type { HttpAnswer } from '../model/http.ts'
import type { ForeignReport } from './foreign-report.ts'

/** One service that the configuration asks for; `problem` when it does not work now. */
export interface HealthItem {
  readonly name: string
  readonly problem?: string
}

export interface Health {
  readonly version: string
  readonly items: readonly HealthItem[]
  /** Other DHCP and PXE servers on the networks. */
  readonly foreign: readonly ForeignReport[]
}

/** What `/health` and `status` show: every enabled service with `ok` or its problem. */
export interface HealthDocument {
  readonly status: 'ok' | 'degraded'
  readonly version: string
  readonly services: Readonly<Record<string, string>>
  /** What works and should be looked at all the same; `status` does not change for it. */
  readonly warnings: readonly string[]
  readonly foreign: readonly ForeignReport[]
}

/** Degraded as soon as one enabled service has a problem. Other servers and their warnings do not degrade. */
export function healthDocument({ version, items, foreign }: Health): HealthDocument {
  const status = items.every((item) => item.problem === undefined) ? 'ok' : 'degraded'
  return {
    status,
    version,
    services: Object.fromEntries(items.map(({ name, problem }) => [name, problem ?? 'ok'])),
    warnings: [...new Set(foreign.flatMap(({ warnings }) => warnings))],
    foreign,
  }
}

/** `GET /health`: 200 when every enabled service works, 503 with the reasons otherwise. */
export function healthAnswer(health: Health): HttpAnswer {
  const document = healthDocument(health)
  return {
    kind: 'text',
    status: document.status === 'ok' ? 200 : 503,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    body: `${JSON.stringify(document)}\n`,
  }
}
