/** Prometheus' text format 0.0.4. */

export type Labels = Readonly<Record<string, string>>

export type Sample = readonly [Labels, number]

/** The lines of one metric, `# HELP` and `# TYPE` first. Label values are escaped here, `help` is not: it is always ours. */
export function family(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: readonly Sample[],
): readonly string[] {
  return [...head(name, type, help), ...samples.map((sample) => sampleLine(name, sample))]
}

/** `series` has for each set of labels how many values fell below each bound, and above all of them at the end. */
export function histogramFamily(
  name: string,
  help: string,
  bounds: readonly number[],
  series: readonly { readonly labels: Labels; readonly counts: readonly number[]; readonly sum: number }[],
): readonly string[] {
  const lines = series.flatMap(({ labels, counts, sum }) => {
    let below = 0
    const buckets = counts.map((count, i) => {
      below += count
      return sampleLine(`${name}_bucket`, [{ ...labels, le: String(bounds[i] ?? '+Inf') }, below])
    })
    return [
      ...buckets,
      sampleLine(`${name}_sum`, [labels, sum]),
      sampleLine(`${name}_count`, [labels, below]),
    ]
  })
  return [...head(name, 'histogram', help), ...lines]
}

function head(name: string, type: string, help: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function sampleLine(name: string, [labels, value]: Sample): string {
  return `${name}${labelText(labels)} ${value}`
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

/** The format's three escapes. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
