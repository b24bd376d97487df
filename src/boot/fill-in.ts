import { err, ok, type Result } from '../lib/result.ts'
import { isPlainWord, readPlaceholders, type VariableName } from '../model/variables.ts'

/** The value of a variable for one machine; undefined where it has none. */
export type ValueOf = (name: VariableName) => string | undefined

/**
 * A text with its `{{variables}}` filled in. A value that is more than one plain word is refused, never escaped: so it cannot
 * become another argument, a part of an address, or a word of a script. The error is one sentence.
 */
export function fillIn(text: string, lookUp: ValueOf): Result<string, string> {
  if (!text.includes('{{')) return ok(text)
  const parts = readPlaceholders(text)
  if (!parts.ok) return err(parts.error.message)
  let filled = ''
  for (const part of parts.value) {
    if (typeof part === 'string') {
      filled += part
      continue
    }
    const value = lookUp(part.variable)
    if (value === undefined) return err(`{{${part.variable}}} has no value for this machine`)
    if (!isPlainWord(value))
      return err(`{{${part.variable}}} is ${JSON.stringify(value)}, which is no plain word`)
    filled += value
  }
  return ok(filled)
}

/** The same for each of several texts. */
export function fillAll(texts: readonly string[], lookUp: ValueOf): Result<readonly string[], string> {
  if (!texts.some((text) => text.includes('{{'))) return ok(texts)
  const filled: string[] = []
  for (const text of texts) {
    const one = fillIn(text, lookUp)
    if (!one.ok) return one
    filled.push(one.value)
  }
  return ok(filled)
}
