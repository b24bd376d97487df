import { type IpxeWord, shownText, word, words } from '../protocol/ipxe/words.ts'

/**
 * Collects an iPXE script line by line. Every word passes the grammar of `protocol/ipxe/words.ts` on its way in,
 * so no value can become a second word, a command, a comment or an expansion. What is only read by people is never
 * refused: a machine that could not be told of a conflict would not get its disk either.
 */
export class IpxeEmitter {
  readonly #lines: string[] = ['#!ipxe']

  /**
   * For people: whatever is no printable ASCII becomes a dot, and so does a backslash at the end, which would join
   * the next line.
   */
  comment(text: string): this {
    return this.#push(`# ${text.replace(/[^\x20-\x7e]|\\$/g, '.')}`)
  }

  /** Throws for what is no label: they are ours alone. */
  label(name: string): this {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error(`not an iPXE label: ${JSON.stringify(name)}`)
    return this.#push(`:${name}`)
  }

  blank(): this {
    return this.#push('')
  }

  /** A command that ends the script when it fails. */
  run(...command: readonly string[]): this {
    return this.#push(join(command))
  }

  /** A command whose failure is of no interest. */
  tryRun(...command: readonly string[]): this {
    return this.#push(`${join(command)} ||`)
  }

  /** A command whose failure continues at a label. */
  runOrGoto(label: string, ...command: readonly string[]): this {
    return this.#push(`${join(command)} || goto ${word(label)}`)
  }

  /** `first && second`, going on with the next line when `first` fails. */
  when(first: readonly string[], second: readonly string[]): this {
    return this.#push(`${join(first)} && ${join(second)} ||`)
  }

  /** The first of these commands that succeeds, left to right as iPXE evaluates; an empty one ignores all failures. */
  firstOf(...commands: readonly (readonly string[])[]): this {
    return this.#push(commands.map(join).join(' || ').trimEnd())
  }

  /** Our own words on the machine's screen; settings may be among them. */
  echo(text: string): this {
    return this.#push(`echo ${words(text)}`)
  }

  /** The same of any text: our words, then what stands in the configuration or came from somewhere else. */
  tell(text: string): this {
    return this.#push(`echo ${shownText(text)}`)
  }

  /** The head of a menu, any text; its items and `choose` follow. */
  menu(title: string): this {
    return this.#push(`menu ${shownText(title)}`)
  }

  /** A line of a menu that a person can choose, any text, also by its key. */
  item(name: string, key: string | undefined, text: string): this {
    const shortcut = key === undefined ? [] : ['--key', word(key)]
    const label = key === undefined ? text : `${key}. ${text}`
    return this.#push(['item', ...shortcut, word(name), shownText(label)].join(' '))
  }

  /** An entry without a line of its own text. */
  hiddenItem(name: string, key: string): this {
    return this.#push(`item --key ${word(key)} ${word(name)}`)
  }

  /** A line of a menu that can only be read, of our own words. A menu clears the screen: what it tells is in it. */
  note(text: string): this {
    return this.#push(`item --gap -- ${words(text)}`)
  }

  /** An empty line of a menu. */
  space(): this {
    return this.#push('item --gap')
  }

  /** A line of a menu that can only be read, of any text. */
  shown(text: string): this {
    return this.#push(`item --gap -- ${shownText(text)}`.trimEnd())
  }

  /** What another emitter collected, after its first line. */
  append(text: string): this {
    return this.#push(text)
  }

  /** A part whose last line goes on with more words, none if empty, and whose failure continues at a label. */
  appendOrGoto(label: string, part: string, more: string): this {
    const line = more === '' ? part : `${part} ${words(more)}`
    return this.#push(`${line} || goto ${word(label)}`)
  }

  /** A command of our own and a word of two parts, the second one checked before. */
  appendWord(command: string, text: string, rest: IpxeWord): this {
    return this.#push(`${command} ${word(text)}${rest}`)
  }

  /** Everything but the line that makes it a script, for `append`. */
  part(): string {
    return this.#lines.slice(1).join('\n')
  }

  /** The whole script, `#!ipxe` first. */
  finish(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #push(line: string): this {
    this.#lines.push(line)
    return this
  }
}

function join(command: readonly string[]): string {
  let line = ''
  for (const part of command) line += line === '' ? word(part) : ` ${word(part)}`
  return line
}
