import { err, ok, type Result } from '../lib/result.ts'
import type { Hole, Template } from '../model/document.ts'
import { isPlainText, isPlainWord, type VariableName } from '../model/variables.ts'

/** The most that a document may be, in octets: installers keep it in memory. */
const DOCUMENT_LIMIT = 1_048_576

/**
 * A document with its values. The error is one sentence: a variable without a value, or a value that cannot stand where it is
 * wanted. What is rendered has the template's structure whatever the values are: they are escaped, or refused.
 */
export function renderDocument(
  template: Template,
  valueFor: (variable: VariableName) => string | undefined,
): Result<string, string> {
  let text = ''
  for (const piece of template) {
    if (typeof piece === 'string') {
      text += piece
      continue
    }
    const value = valueFor(piece.variable)
    const problem = holeProblem(piece, value)
    if (problem !== undefined) return err(`line ${piece.line}: ${problem}`)
    text += filled(piece, value ?? '')
  }
  return text.length > DOCUMENT_LIMIT ? err(`it has more than ${DOCUMENT_LIMIT} octets`) : ok(text)
}

function holeProblem({ variable, form }: Hole, value: string | undefined): string | undefined {
  if (value === undefined) return `{{${variable}}} has no value for this machine`
  if (form === 'word')
    return isPlainWord(value)
      ? undefined
      : `${shown(variable, value)} is more than one plain word, and only that may be a part of something larger`
  if (!isPlainText(value)) return `${shown(variable, value)} is not printable text in one line`
  // debconf-set-selections(1): a backslash at the end joins the next line.
  if (form === 'line' && value.endsWith('\\'))
    return `${shown(variable, value)} ends in a backslash, which joins lines`
  return undefined
}

function shown(variable: string, value: string): string {
  return `{{${variable}}}, ${JSON.stringify(value)},`
}

/** JSON's escapes are among those of a double-quoted YAML scalar (YAML 1.2.2, 5.7), and of YAML 1.1. */
function filled({ form }: Hole, value: string): string {
  return form === 'quoted' ? JSON.stringify(value).slice(1, -1) : value
}
