import { formatTable } from '../lib/text.ts'
import type { Explanation } from '../model/explanation.ts'

/** An explanation as a page of text: a line a step with its rule, outcome, source of the facts, and citation. */
export function renderTrace(explanation: Explanation): string {
  const { request, mac = '-', node, steps, answer, stable, reply, mode } = explanation
  const rows = steps.map((step, i) => [
    String(i + 1).padStart(2),
    step.rule,
    step.outcome,
    step.from,
    step.cite ?? '',
  ])
  return [
    `request   ${request}  ${mac}${node === undefined ? '' : ` (${node})`}`,
    ...(rows.length === 0 ? [] : [formatTable(rows)]),
    `action    ${answer}  [${stable ? 'stable' : 'volatile'}]`,
    ...(reply === undefined ? [] : [`reply     ${reply}`]),
    ...(mode === undefined ? [] : [`but       ${mode}`]),
  ].join('\n')
}
