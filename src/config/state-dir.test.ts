import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveConfig } from './resolve.ts'
import { moveStateDir } from './state-dir.ts'

test('another state directory takes its firmware directory and its image store along, and nothing else', () => {
  const text = 'version: 1\nserver: { stateDir: ./state }\n'
  const { config } = resolveConfig({ file: '/etc/x/c.yaml', text }, [])
  assert.ok(config !== undefined)
  const moved = moveStateDir(config, '/srv/elsewhere')
  assert.equal(moved.server.stateDir, '/srv/elsewhere')
  assert.equal(moved.server.imageStore, '/srv/elsewhere/images')
  assert.deepEqual(moved.server.firmware, ['/srv/elsewhere/firmware', ...config.server.firmware.slice(1)])
  const written = 'version: 1\nserver: { stateDir: ./state, firmware: ./mine }\n'
  const own = resolveConfig({ file: '/etc/x/c.yaml', text: written }, []).config
  assert.ok(own !== undefined)
  assert.deepEqual(moveStateDir(own, '/srv/elsewhere').server.firmware, ['/etc/x/mine'])
})
