/** A line of the plot: how many machines were through, in percent, over the seconds since each one's start. */
export interface Curve {
  readonly name: string
  /** Seconds, ascending. */
  readonly times: readonly number[]
  /** Machines, those that gave up included. */
  readonly of: number
}

export interface Panel {
  readonly title: string
  readonly curves: readonly Curve[]
}

const WIDTH = 760
const PANEL = { height: 190, left: 56, right: 20, top: 34, bottom: 40 } as const
/** Okabe and Ito's: told apart by eyes of every kind, on light and on dark ground. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7'] as const
const MOST_POINTS = 400

/** Cumulative curves, a panel below the other, as a file of its own; text and axes are grey, for light and dark pages. */
export function plotSvg(panels: readonly Panel[]): string {
  const height = panels.length * PANEL.height
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#808080">`,
    '<title>Machines that were through, over the time since their start</title>',
    ...panels.map((panel, i) => `<g transform="translate(0 ${i * PANEL.height})">${drawPanel(panel)}</g>`),
    '</svg>',
    '',
  ].join('\n')
}

function drawPanel({ title, curves }: Panel): string {
  const [right, bottom] = [WIDTH - PANEL.right, PANEL.height - PANEL.bottom]
  const step = niceStep(Math.max(1, ...curves.flatMap(({ times }) => times.at(-1) ?? 0)) / 6)
  const last = step * Math.ceil(Math.max(1, ...curves.map(({ times }) => times.at(-1) ?? 0)) / step)
  const x = (seconds: number): string => (PANEL.left + ((right - PANEL.left) * seconds) / last).toFixed(1)
  const y = (share: number): string => (bottom - (bottom - PANEL.top) * share).toFixed(1)
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path d="M${PANEL.left} ${y(share)}H${right}" stroke="#808080" stroke-opacity="0.3"/>` +
      `<text x="${PANEL.left - 8}" y="${Number(y(share)) + 4}" text-anchor="end">${share * 100} %</text>`,
  )
  const ticks = Array.from({ length: Math.round(last / step) + 1 }, (_, i) => i * step).map(
    (seconds) =>
      `<text x="${x(seconds)}" y="${bottom + 16}" text-anchor="middle">${Number(seconds.toFixed(3))} s</text>`,
  )
  const lines = curves.map(({ times, of }, i) => {
    const points = thinned(times).map(([time, rank]) => `L${x(time)} ${y(rank / of)}`)
    return `<path d="M${x(0)} ${y(0)}${points.join('')}" fill="none" stroke="${colour(i)}" stroke-width="2"/>`
  })
  const legend = curves.map(({ name }, i) => {
    const at = right - (curves.length - i) * 172
    return `<path d="M${at} 16h22" stroke="${colour(i)}" stroke-width="3"/><text x="${at + 28}" y="20">${escaped(name)}</text>`
  })
  const heading = `<text x="${PANEL.left}" y="20" font-weight="bold">${escaped(title)}</text>`
  return [heading, ...legend, ...grid, ...ticks, ...lines].join('')
}

/** Time and rank; of many points so many that the line looks the same. */
function thinned(times: readonly number[]): readonly (readonly [number, number])[] {
  const every = Math.max(1, Math.ceil(times.length / MOST_POINTS))
  return times.flatMap((time, i) =>
    i % every === 0 || i === times.length - 1 ? [[time, i + 1] as const] : [],
  )
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * ([1, 2, 5, 10].find((nice) => nice * power >= rough) ?? 10)
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? ''
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
