import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveConfig } from './resolve.ts'
import { formatProblem } from './source.ts'

/** The problems of these networks, but those about profiles, which are none here. */
function problems(...networks: readonly string[]): readonly string[] {
  const text = `version: 1\nnetworks:\n${networks.map((one) => `  - { ${one} }\n`).join('')}`
  return resolveConfig({ file: '/c/x.yaml', text }, [])
    .problems.map(formatProblem)
    .filter((line) => !line.includes(' profiles.'))
}

const A = 'name: a, interface: eth0, subnet: 10.0.0.0/24'
const B = 'name: b, interface: eth0, subnet: 10.1.0.0/24'

test('O05: one link where clients would be in a server network and in a proxy network is an error', () => {
  assert.deepEqual(problems(`${A}, dhcp: server`, `${B}, dhcp: proxy`), [
    '/c/x.yaml:4:60: networks[1].dhcp: dhcp: proxy on eth0, where a is dhcp: server: each client there would be in both; choose one',
  ])
  assert.deepEqual(problems(`${A}, dhcp: proxy`, `${B}, dhcp: server`), [
    '/c/x.yaml:4:60: networks[1].dhcp: dhcp: server on eth0, where a is dhcp: proxy: each client there would be in both; choose one',
  ])
  const link = 'sharedNetwork: rack'
  assert.match(
    problems(`${A}, ${link}, dhcp: server`, `${B}, ${link}, dhcp: proxy`).join(),
    /networks\[1\]\.dhcp: dhcp: proxy here and server in a, .*the subnets of rack have it alike/,
    'several subnets of one link',
  )
  const vlan = B.replace('eth0', 'eth0.20')
  assert.deepEqual(problems(`${A}, dhcp: server`, `${vlan}, dhcp: proxy`), [], 'another link')
})

test('besides: other servers, each once, none of them ours; without effect where nobody listens', () => {
  assert.deepEqual(problems(`${A}, dhcp: server, besides: [10.0.0.9, 192.0.2.1]`), [])
  for (const mode of ['observe', 'proxy'])
    assert.deepEqual(problems(`${A}, dhcp: ${mode}, besides: 10.0.0.9`), [])
  const wrong = 'address: 10.0.0.1, besides: [10.0.0.1, 10.0.0.0, 10.0.0.9, 10.0.0.255, 10.0.0.9]'
  assert.deepEqual(problems(`${A}, ${wrong}`), [
    '/c/x.yaml:3:83: networks[0].besides[0]: 10.0.0.1 is ours; name the other server',
    '/c/x.yaml:3:93: networks[0].besides[1]: no host of the subnet has 10.0.0.0',
    '/c/x.yaml:3:113: networks[0].besides[3]: no host of the subnet has 10.0.0.255',
    '/c/x.yaml:3:125: networks[0].besides[4]: 10.0.0.9 is named already',
  ])
  assert.deepEqual(problems(`${A}, dhcp: off, besides: [10.0.0.9]`), [
    '/c/x.yaml:3:74: networks[0].besides: warning: has no effect with dhcp: off, where nobody listens for other servers',
  ])
  assert.match(
    problems(`${A}, besides: [router]`).join(),
    /:3:\d+: networks\[0\]\.besides\[0\]: expected an IPv4/,
  )
  assert.match(problems(`${A}, probe: maybe`).join(), /:3:\d+: networks\[0\]\.probe: expected true or false/)
})

test('A network behind relays without an address of its own needs another one that listens for DHCP', () => {
  const far = 'name: far, subnet: 10.7.0.0/24, dhcp: server'
  const deaf =
    'networks[1]: no network that names an interface or an address: listens for DHCP, all of them have dhcp: off: give this one the address: of ours that its relays send to'
  assert.deepEqual(problems(`${A}, dhcp: off`, far), [`/c/x.yaml:4:5: ${deaf}`])
  for (const mode of ['server', 'proxy', 'observe'])
    assert.deepEqual(problems(`${A}, dhcp: ${mode}`, far), [])
  assert.deepEqual(problems(`${A}, dhcp: off`, `${far}, address: 192.0.2.1`), [])
  assert.deepEqual(problems(`${A}, dhcp: off`, far.replace('server', 'off')), [])
})
