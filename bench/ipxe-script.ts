/** Runs the part of iPXE's language that boot scripts consist of, with iPXE's own order of evaluation. */

export interface ScriptHands {
  /** Fetches a file to boot; rejects as iPXE's command fails. */
  readonly load: (url: string) => Promise<void>
  /** Fetches another script, which takes this one's place. */
  readonly chain: (url: string) => Promise<string>
  readonly wait: (milliseconds: number) => Promise<void>
}

/** `queued`: how often a page let it wait and ask again. */
export type ScriptEnd = { readonly end: 'boot' | 'stopped'; readonly queued: number }

type Outcome = 'done' | 'failed' | 'boot'

/** Commands without an effect on a machine that nobody looks at. */
const SILENT = new Set(['echo', 'imgfree', 'menu', 'item', 'ifopen'])
const MOST_LINES = 10_000

/**
 * Runs a script to its `boot`. A command that fails goes on behind `||`, a script ends where one fails without. `settings`
 * are what `${...}` expands to; what is not among them is empty.
 */
export async function runIpxe(
  first: string,
  settings: Readonly<Record<string, string>>,
  hands: ScriptHands,
): Promise<ScriptEnd> {
  const known = new Map(Object.entries(settings))
  let lines = first.split('\n')
  let [at, queued] = [0, 0]
  for (let count = 0; at < lines.length && count < MOST_LINES; count += 1) {
    const line = lines[at] ?? ''
    at += 1
    if (line === '' || line.startsWith('#') || line.startsWith(':')) continue
    // `a || b ||`: the next where one fails; nothing behind the last `||` is a success.
    let outcome: Outcome = 'failed'
    for (const command of line.replace(/ \|\|$/, ' || ').split(' || ')) {
      outcome = command === '' ? 'done' : await run(expanded(command))
      if (outcome !== 'failed') break
    }
    if (outcome === 'boot') return { end: 'boot', queued }
    if (outcome === 'failed') return { end: 'stopped', queued }
  }
  return { end: 'stopped', queued }

  function expanded(command: string): readonly string[] {
    return command
      .split(' ')
      .map((word) => word.replace(/\$\{([^}]*)\}/g, (_, name) => known.get(name) ?? ''))
  }

  function go(label: string): void {
    const target = lines.indexOf(`:${label}`)
    at = target === -1 ? lines.length : target + 1
  }

  async function run([name = '', ...words]: readonly string[]): Promise<Outcome> {
    if (SILENT.has(name)) return 'done'
    if (name === 'set') known.set(words[0] ?? '', words.slice(1).join(' '))
    else if (name === 'clear') known.delete(words[0] ?? '')
    else if (name === 'goto') go(words[0] ?? '')
    else if (name === 'boot') return 'boot'
    else if (name === 'sleep') await hands.wait(Number(words[0]) * 1000)
    else if (name === 'choose') {
      await hands.wait(Number(words[words.indexOf('--timeout') + 1]))
      const choice = words[words.indexOf('--default') + 1] ?? ''
      known.set('choice', choice)
      if (choice !== 'again') return 'failed'
      queued += 1
    } else if (name === 'kernel' || name === 'initrd' || name === 'chain') {
      const url = words.find((word) => word.startsWith('http://')) ?? ''
      try {
        if (name !== 'chain') await hands.load(url)
        else {
          lines = (await hands.chain(url)).split('\n')
          at = 0
        }
      } catch {
        return 'failed'
      }
    } else return 'failed'
    return 'done'
  }
}
