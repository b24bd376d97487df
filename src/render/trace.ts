import { formatTable } from '../lib/text.ts'
import type { Explanation } from '../model/explanation.ts'

/** An explanation as a page of text: a line a step with its rule, outcome, source of the facts, and citation. */
export function renderTrace(explanation: Explanation): string {
  const { request, mac, node, steps, answer, stable, address, mode } = explanation
  const rows = steps.map((step, i) => [
    String(i + 1).padStart(2),
    step.rule,
    step.outcome,
    step.from,
    step.cite ?? '',
  ])
  return [
    `request   ${request}  ${mac}${node === undefined ? '' : ` (${node})`}`,
    formatTable(rows),
    `action    ${answer}  [${stable ? 'stable' : 'volatile'}]`,
    ...(address === undefined ? [] : [`address   ${address}`]),
    ...(mode === undefined ? [] : [`but       ${mode}`]),
  ].join('\n')
}
