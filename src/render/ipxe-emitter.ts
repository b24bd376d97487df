import { type IpxeWord, word, words } from '../protocol/ipxe/words.ts'

/**
 * Collects an iPXE script line by line. Every word passes the grammar of `protocol/ipxe/words.ts` on its way in,
 * so no value can become a second word, a command, a comment or an expansion.
 */
export class IpxeEmitter {
  readonly #lines: string[] = ['#!ipxe']

  comment(text: string): this {
    if (!/^[\x20-\x7e]*$/.test(text) || text.endsWith('\\'))
      throw new Error(`not an iPXE comment: ${JSON.stringify(text)}`)
    return this.#push(text === '' ? '#' : `# ${text}`)
  }

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

  /** The first of these commands that succeeds; strictly left to right, as iPXE evaluates. */
  firstOf(...commands: readonly (readonly string[])[]): this {
    return this.#push(commands.map(join).join(' || '))
  }

  /** Words on the machine's screen. */
  echo(text: string): this {
    return this.#push(['echo', ...words(text)].join(' '))
  }

  finish(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #push(line: string): this {
    this.#lines.push(line)
    return this
  }
}

function join(command: readonly string[]): string {
  const parts: readonly IpxeWord[] = command.map(word)
  return parts.join(' ')
}
