import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { NODE01, NOW } from '../../test/helpers/world.ts'
import { judgeReport, parseReport, REPORT_STAGES } from './report.ts'

describe('reports', () => {
  for (const stage of REPORT_STAGES)
    test(stage, () =>
      assert.deepEqual(parseReport(`{"stage":"${stage}"}`), { ok: true, value: { stage, facts: {} } }),
    )

  test('detail, nonce and facts, safe to print', () => {
    const text = '{"stage":"failed","detail":"a\\nb","nonce":"ab","facts":{"cmdline":"\\u001b[2J"}}'
    assert.deepEqual(parseReport(text), {
      ok: true,
      value: { stage: 'failed', detail: 'a\\x0ab', nonce: 'ab', facts: { cmdline: '\\x1b[2J' } },
    })
  })

  test('a kernel command line without its nonce', () => {
    const text = JSON.stringify({
      stage: 'in-service',
      facts: { cmdline: `quiet centra.nonce=${'ab'.repeat(16)} x` },
    })
    const report = parseReport(text)
    assert.ok(report.ok)
    assert.deepEqual(report.value.facts, { cmdline: 'quiet centra.nonce=abababab... x' })
  })

  const stages = `expected a stage out of ${REPORT_STAGES.join(', ')}`
  const shape = 'expected a JSON object such as {"stage":"in-service"}'
  const rows: readonly (readonly [string, string])[] = [
    ['', shape],
    ['null', shape],
    ['[]', shape],
    ['"kernel"', shape],
    ['{"stage":"kernel"', shape],
    ['{}', stages],
    ['{"stage":"deployed"}', stages],
    ['{"stage":["kernel"]}', stages],
    ['{"stage":"kernel","a\\nb":1}', 'there is no key "a\\x0ab"; there are stage, detail, nonce, facts'],
    [
      '{"stage":"kernel","__proto__":{}}',
      'there is no key "__proto__"; there are stage, detail, nonce, facts',
    ],
    ['{"stage":"kernel","detail":1}', 'expected detail to be text'],
    ['{"stage":"kernel","nonce":{}}', 'expected nonce to be text'],
    ['{"stage":"kernel","facts":[]}', 'expected facts to be an object of texts'],
    ['{"stage":"kernel","facts":{"a":1}}', 'expected the fact a to be text'],
    ['{"stage":"kernel","facts":{"A b":"c"}}', '"A b" cannot be the name of a fact'],
    ['{"stage":"kernel","facts":{"__proto__":"c"}}', '"__proto__" cannot be the name of a fact'],
    [
      `{"stage":"kernel","facts":{${Array.from({ length: 33 }, (_, i) => `"a${i}":""`).join()}}}`,
      'expected at most 32 facts',
    ],
  ]
  for (const [text, error] of rows)
    test(text.slice(0, 60), () => assert.deepEqual(parseReport(text), { ok: false, error }))

  test('whatever the text, a value comes back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => typeof parseReport(text).ok === 'boolean'),
      { seed: 20261123 },
    )
  })
})

test('a report is proven by the nonce of the open boot and the address of the lease', () => {
  const attempt = { mac: NODE01, nonce: 'n', address: '10.77.0.11', profile: 'p', image: 'i', openedAt: NOW }
  const judge = (
    nonce: string | undefined,
    peer = '10.77.0.11',
    open: typeof attempt | undefined = attempt,
  ): string => {
    const report = { stage: 'kernel', facts: {}, ...(nonce === undefined ? {} : { nonce }) } as const
    const standing = judgeReport(report, peer, open)
    return standing.kind === 'claimed' ? `claimed: ${standing.because}` : standing.kind
  }
  assert.equal(judge('n'), 'verified')
  assert.equal(judge('m'), 'claimed: the nonce is not the one of the open boot')
  assert.equal(judge(undefined), 'claimed: the report has no nonce')
  assert.equal(judge('n', '10.77.0.12'), 'claimed: it came from 10.77.0.12, not from the lease 10.77.0.11')
  assert.deepEqual(judgeReport({ stage: 'kernel', facts: {}, nonce: 'n' }, '10.77.0.11', undefined), {
    kind: 'claimed',
    because: 'no boot of this machine is open',
  })
})
