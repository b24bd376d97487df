import type { DocumentPart, HoleForm } from '../model/document.ts'
import type { DocumentProblem, Tokens } from './compile-document.ts'

interface LineHoles {
  readonly forms: ReadonlyMap<number, HoleForm>
  readonly problems: readonly DocumentProblem[]
}

/** The placeholders of a kickstart or preseed file: their lines end where the file says, whatever is put into them. */
export function lineHoles(tokens: Tokens, part: Extract<DocumentPart, 'ks.cfg' | 'preseed.cfg'>): LineHoles {
  const forms = new Map<number, HoleForm>()
  const problems: DocumentProblem[] = []
  const reader = part === 'ks.cfg' ? new Kickstart() : new Preseed()
  const lines = tokens.text.split('\n')
  lines.forEach((text, index) => {
    const { comment, fixed, value, isWhole, problem } = reader.line(text.replace(/\r$/, ''))
    if (problem !== undefined) problems.push({ line: index + 1, message: problem })
    if (comment) return
    if (tokens.split(fixed).some((piece) => typeof piece === 'number'))
      problems.push({
        line: index + 1,
        message: 'a placeholder stands in a value, not in what begins a line',
      })
    const pieces = tokens.split(value)
    const form = isWhole === true && pieces.length === 1 ? 'line' : 'word'
    for (const piece of pieces) if (typeof piece === 'number') forms.set(piece, form)
  })
  const unfinished = reader.end()
  return {
    forms,
    problems:
      unfinished === undefined ? problems : [...problems, { line: lines.length, message: unfinished }],
  }
}

interface ReadLine {
  /** Nothing is filled in. */
  readonly comment?: true
  /** What may hold no placeholder. */
  readonly fixed: string
  readonly value: string
  /** The value is all there is of it, and ends with the line. */
  readonly isWhole?: boolean
  readonly problem?: string
}

/** debconf's own types (debconf-devel(7)), and `seen`, which sets a flag. */
const TYPES = /^(string|boolean|select|multiselect|password|note|text|error|title|seen)$/

/** `owner question type value`; a backslash at the end joins the next line (debconf-set-selections(1)). */
class Preseed {
  #isContinued = false

  line(text: string): ReadLine {
    const wasContinued = this.#isContinued
    const isComment = !wasContinued && /^\s*(#|$)/.test(text)
    this.#isContinued = !isComment && text.endsWith('\\')
    if (isComment) return { comment: true, fixed: '', value: '' }
    if (wasContinued) return { fixed: '', value: text }
    const [, fixed = '', type = '', value = ''] = /^(\s*\S+\s+\S+\s+(\S+))(?:\s+(.*))?$/.exec(text) ?? []
    if (!TYPES.test(type))
      return {
        fixed: text,
        value: '',
        problem: 'expected "owner question type value", such as d-i time/zone string UTC',
      }
    const isFlag = type === 'boolean' || type === 'seen'
    return isFlag && !/^(true|false)\s*$/.test(value)
      ? { fixed, value, problem: `${type} is followed by true or false` }
      : { fixed, value, isWhole: !this.#isContinued }
  }

  end(): string | undefined {
    return this.#isContinued ? 'the last line ends in a backslash, and nothing follows' : undefined
  }
}

const SECTION = /^%(packages|pre|pre-install|post|onerror|traceback|addon|anaconda|certificate)\b/

/** Commands, then sections from `%name` to `%end` (pykickstart's reference, "Chapter 1"). */
class Kickstart {
  #section: string | undefined

  line(text: string): ReadLine {
    const [, word = ''] = /^%([a-z-]*)/.exec(text) ?? []
    if (word === 'end') {
      const isOpen = this.#section !== undefined
      this.#section = undefined
      return { fixed: text, value: '', ...(isOpen ? {} : { problem: '%end ends nothing' }) }
    }
    if (this.#section === undefined) return this.#command(text)
    return SECTION.test(text)
      ? { fixed: text, value: '', problem: `%${this.#section} has no %end before %${word}` }
      : { fixed: '', value: text }
  }

  #command(text: string): ReadLine {
    if (/^\s*(#|$)/.test(text)) return { comment: true, fixed: '', value: '' }
    const [, section] = SECTION.exec(text) ?? []
    this.#section = section
    const [, fixed = '', value = ''] = /^(\s*\S+)(.*)$/.exec(text) ?? []
    if (section !== undefined || /^%(include|ksappend)\s/.test(text)) return { fixed, value }
    return /^\s*[a-z]+\s*$/.test(fixed)
      ? { fixed, value }
      : { fixed, value, problem: `there is no command ${JSON.stringify(fixed)}` }
  }

  end(): string | undefined {
    return this.#section === undefined ? undefined : `%${this.#section} has no %end`
  }
}
