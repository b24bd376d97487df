import assert from 'node:assert/strict'
import { test } from 'node:test'
import { script } from '../../test/helpers/scripts.ts'
import { image, NODE01, world } from '../../test/helpers/world.ts'

test('an address that a variable makes none of is refused on the screen', () => {
  const chainTo = (host: string) =>
    script(
      world()
        .labNodes()
        .replaceNode('node01', { labels: { host } })
        .image({
          ...image('other'),
          variants: [{ payload: { kind: 'chain', url: 'http://{{label.host}}/x.ipxe' }, cmdline: [] }],
        })
        .profile('control-plane', { image: 'other' }),
      { kind: 'run' },
      NODE01,
    )
  assert.equal(chainTo('10.77.0.9').kind, 'chain')
  const refused = chainTo('256.77.0.9')
  assert.ok(refused.kind === 'refusal')
  assert.match(refused.lines.join('\n'), /http:\/\/256\.77\.0\.9\/x\.ipxe is no address/)
})
