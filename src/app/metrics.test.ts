import assert from 'node:assert/strict'
import { test } from 'node:test'
import { vector } from '../../test/helpers/dhcp-fixtures.ts'
import { MemoryStore, running } from '../../test/helpers/memory.ts'
import { STRANGER, world } from '../../test/helpers/world.ts'
import { answerDhcp, dropDhcp } from './answer-dhcp.ts'
import { foreignReports } from './foreign-report.ts'
import { metricsAnswer } from './metrics.ts'

const HEALTH = {
  version: '1.2.3',
  items: [{ name: 'network a"b\\c' }, { name: 'image x', problem: 'missing\nfile' }],
}

test('every message is counted once: answered by type, or unanswered by its reason', async () => {
  const there = world().lease('10.77.0.150', STRANGER)
  const { running: server, on } = running(there, new MemoryStore())
  for (const name of ['P1', 'P25', 'P2', 'P5', 'P31', 'P23']) await answerDhcp(vector(name).bytes, on, server)
  await answerDhcp(Uint8Array.of(1, 2, 3), on, server)
  dropDhcp('the queue is full', on, server)
  const answer = metricsAnswer({ ...HEALTH, foreign: foreignReports(server) }, server)
  assert.ok(answer.kind === 'text')
  const samples = answer.body
    .split('\n')
    .filter((line) => !/^#|^process_|^centra_pxe_(transfer|access|http)|^$/.test(line))
  assert.deepEqual(samples, [
    'centra_pxe_build_info{version="1.2.3"} 1',
    'centra_pxe_service_up{service="network a\\"b\\\\c"} 1',
    'centra_pxe_service_up{service="image x"} 0',
    'centra_pxe_dhcp_received_total{network="provisioning",type="DISCOVER"} 1',
    'centra_pxe_dhcp_received_total{network="provisioning",type="BOOTP"} 1',
    'centra_pxe_dhcp_received_total{network="provisioning",type="REQUEST"} 1',
    'centra_pxe_dhcp_received_total{network="provisioning",type="RELEASE"} 1',
    'centra_pxe_dhcp_sent_total{network="provisioning",type="OFFER"} 1',
    'centra_pxe_dhcp_sent_total{network="provisioning",type="NAK"} 1',
    'centra_pxe_dhcp_unanswered_total{network="provisioning",reason="lease.bootp"} 1',
    'centra_pxe_dhcp_unanswered_total{network="provisioning",reason="not-a-request"} 1',
    'centra_pxe_dhcp_unanswered_total{network="provisioning",reason="lease.server"} 1',
    'centra_pxe_dhcp_unanswered_total{network="provisioning",reason="unknown-network"} 1',
    'centra_pxe_dhcp_unanswered_total{network="provisioning",reason="malformed"} 1',
    'centra_pxe_dhcp_unanswered_total{network="provisioning",reason="queue-full"} 1',
    'centra_pxe_boots{network="provisioning",state="loading"} 0',
    'centra_pxe_boots{network="provisioning",state="waiting"} 0',
    'centra_pxe_leases{network="provisioning",state="bound"} 1',
    'centra_pxe_leases{network="provisioning",state="offered"} 1',
    'centra_pxe_foreign_dhcp_servers{network="provisioning"} 1',
    'centra_pxe_foreign_dhcp_warnings{network="provisioning"} 1',
  ])
  assert.match(answer.body, /^process_resident_memory_bytes \d+$/m)
})
