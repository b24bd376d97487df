/** One command of a script as iPXE will run it, with how it is joined to the one before. */
export interface LexedCommand {
  readonly line: number
  readonly words: readonly string[]
  readonly after: 'start' | '||' | '&&' | ';'
}

/**
 * Reads a script the way iPXE does (src/image/script.c, src/core/exec.c): the judge of our own emitter. LF ends a
 * line, one CR before it is dropped, a backslash at the end joins the next line; a leading `:` makes the first
 * word a label and the rest is still executed; a word that begins with `#` ends the line.
 */
export function lexIpxe(text: string): {
  readonly labels: readonly string[]
  readonly commands: readonly LexedCommand[]
} {
  const labels: string[] = []
  const commands: LexedCommand[] = []
  const lines = text.replaceAll('\r\n', '\n').replaceAll('\\\n', '').split('\n')
  lines.forEach((line, index) => {
    const tokens = line.split(/[ \t\v\f\r]+/).filter((token) => token !== '')
    const comment = tokens.findIndex((token) => token.startsWith('#'))
    const words = comment < 0 ? tokens : tokens.slice(0, comment)
    if (words[0]?.startsWith(':')) labels.push(words.shift()?.slice(1) ?? '')
    let current: string[] = []
    let after: LexedCommand['after'] = 'start'
    for (const token of words) {
      if (token !== '||' && token !== '&&' && token !== ';') {
        current.push(token)
        continue
      }
      commands.push({ line: index + 1, words: current, after })
      current = []
      after = token
    }
    if (current.length > 0 || after !== 'start') commands.push({ line: index + 1, words: current, after })
  })
  return { labels, commands }
}
