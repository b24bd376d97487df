import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plotSvg } from './storm-plot.ts'

test('a curve ends at the share that booted; names are text, never markup', () => {
  const svg = plotSvg([
    {
      title: '4 machines <b>',
      curves: [
        { name: 'a & b', times: [1, 2, 4], of: 4 },
        { name: 'c', times: [], of: 4 },
      ],
    },
  ])
  assert.match(svg, /4 machines &lt;b>/)
  assert.match(svg, /a &amp; b/)
  const [, line = ''] = /<path d="(M56\.0 150\.0L[^"]*)" fill="none" stroke="#0072b2"/.exec(svg) ?? []
  // 3 of 4: three quarters of the way from 150 up to 34.
  assert.match(line, / 63\.0$/)
  assert.equal(svg.split('</svg>').length, 2)
})

test('of many machines so many points that the file stays small', () => {
  const times = Array.from({ length: 2000 }, (_, i) => i / 100)
  const svg = plotSvg([{ title: 'hall', curves: [{ name: 'a', times, of: 2000 }] }])
  assert.ok(svg.split('L').length < 500, `${svg.length} characters`)
})
