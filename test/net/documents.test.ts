import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { peerEnvironment, unpackPeer } from '../helpers/debian-peer.ts'
import { DhcpHost } from '../helpers/dhcp-programs.ts'
import { inNetns } from '../helpers/netns.ts'
import { centra, endAll, missing, serve } from '../helpers/server.ts'

/** The examples before the programs that read such documents, and a machine that fetches its own. */
const EXAMPLE = path.join(import.meta.dirname, '../../examples/installers')
const DB01 = '52:54:00:07:00:01'
const CN01 = '52:54:00:07:00:05'

const cloudInit = await unpackPeer(
  ...([
    'cloud-init',
    'python3-configobj',
    'python3-jinja2',
    'python3-markupsafe',
    'python3-jsonpatch',
  ] as const),
  ...[
    'python3-json-pointer',
    'python3-jsonschema',
    'python3-attr',
    'python3-pyrsistent',
    'python3-netifaces',
  ],
  ...['python3-oauthlib', 'python3-requests', 'python3-urllib3', 'python3-idna', 'python3-certifi'],
  ...['python3-chardet', 'python3-charset-normalizer', 'python3-serial', 'python3-yaml', 'python3-six'],
  'python3-pkg-resources',
)
const ignition = await unpackPeer('ignition')
const python = missing('python3')

function tree(peer: typeof cloudInit): string {
  assert.ok('tree' in peer)
  return peer.tree
}

/** A folder with the example, and small stand-ins for its image. */
function site(folder: string): string {
  cpSync(EXAMPLE, folder, { recursive: true })
  mkdirSync(path.join(folder, 'images'), { recursive: true })
  for (const file of ['vmlinuz', 'initrd.img']) writeFileSync(path.join(folder, 'images', file), file)
  return path.join(folder, 'centra-pxe.yaml')
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const ran = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  assert.equal(ran.status, 0, `${command} ${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
  return ran.stdout + ran.stderr
}

const pythonPath = (): Readonly<Record<string, string>> => ({
  PYTHONPATH: path.join(tree(cloudInit), 'usr/lib/python3/dist-packages'),
})

inNetns(import.meta, (net) => {
  describe("the examples, before the installers' own checkers", () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'centra-documents-'))
    const config = site(folder)
    const documentOf = async (node: string, part = ''): Promise<string> => {
      const file = path.join(folder, `${node}-${part}`)
      const { code, stdout, stderr } = await centra(
        'document',
        node,
        ...(part === '' ? [] : [part]),
        '--config',
        config,
      )
      assert.equal(code, 0, stderr)
      writeFileSync(file, stdout)
      return file
    }
    const skipCloud = python || ('why' in cloudInit && cloudInit.why)
    const schema = (file: string): string =>
      run(
        'python3',
        [path.join(tree(cloudInit), 'usr/bin/cloud-init'), 'schema', '--config-file', file],
        pythonPath(),
      )

    for (const node of ['ub-01', 'cn-01'])
      test(`cloud-init schema: the user-data of ${node}`, { skip: skipCloud }, async () => {
        assert.match(schema(await documentOf(node)), /^Valid cloud-config/m)
      })

    test('cloud-init schema objects to what is wrong', { skip: skipCloud }, () => {
      const file = path.join(folder, 'wrong')
      writeFileSync(file, '#cloud-config\nhostname: 5\n')
      assert.throws(() => schema(file), /hostname/)
    })

    test('ignition-validate: the configuration of cp-01; it objects to what is wrong', {
      skip: 'why' in ignition && ignition.why,
    }, async () => {
      const program = path.join(tree(ignition), 'usr/bin/ignition-validate')
      const [key = '', value = ''] = peerEnvironment(tree(ignition)).split(/=(.*)/s)
      run(program, [await documentOf('cp-01')], { [key]: value })
      const file = path.join(folder, 'wrong.ign')
      writeFileSync(file, '{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"x"}]}}')
      assert.throws(() => run(program, [file], { [key]: value }), /path not absolute/)
    })

    test('debconf-set-selections -c: the preseed of db-01; it objects to what is wrong', {
      skip: missing('debconf-set-selections'),
    }, async () => {
      assert.equal(run('debconf-set-selections', ['-c', await documentOf('db-01')]), '')
      const file = path.join(folder, 'wrong.cfg')
      writeFileSync(file, 'd-i a/b strnig x\n')
      assert.match(run('debconf-set-selections', ['-c', file]), /Unknown type strnig/)
    })
  })

  describe('a machine and its documents', () => {
    const client = net.host('client')
    net.veth({ name: 'eno2', address: '10.7.0.1/24' }, { name: 'eth0', mac: DB01, host: client })
    const machine = new DhcpHost(client, 'eth0')
    const config = site('/run/site')
    const text = readFileSync(config, 'utf8')
    writeFileSync(config, text.replace('    dhcp: server\n', '    dhcp: server\n    probe: false\n'))
    const stateDir = '/run/site/state'
    afterEach(endAll)
    const get = (name: string, mac = DB01): readonly [string, string] => {
      const url = `http://10.7.0.1:8080/documents/${mac.replaceAll(':', '-')}/${name}`
      const { stdout } = client.run('curl', '-s', '--max-time', '10', '-w', '\n%{http_code}', url)
      const at = stdout.lastIndexOf('\n')
      return [stdout.slice(at + 1), stdout.slice(0, at)]
    }

    test('curl: by its lease alone; the timeline and nodes say so', {
      skip: missing('curl', 'busybox'),
      timeout: 60_000,
    }, async () => {
      const server = await serve({ config }, '--state-dir', stateDir)
      assert.equal(get('preseed.cfg')[0], '000')
      client.run('ip', 'addr', 'add', '10.7.0.11/24', 'dev', 'eth0')
      assert.deepEqual(get('preseed.cfg'), ['403', 'asked from 10.7.0.11, not from its lease\n'])
      client.run('ip', 'addr', 'flush', 'dev', 'eth0')
      machine.become(DB01)
      const lease = machine.udhcpc()
      await machine.applied(/^bound 10\.7\.0\.11$/m)
      const [status, body] = get('preseed.cfg')
      assert.equal(status, '200')
      assert.match(body, /^d-i netcfg\/hostname string db-01$/m)
      assert.equal(body, (await centra('document', 'db-01', '--config', config)).stdout)
      assert.equal(get('user-data', CN01)[0], '403')
      await server.stderrMatch(/db-01 \(52:54:00:07:00:01\) fetched preseed\.cfg of debian/)
      const { stdout } = await centra('nodes', '--config', config, '--state-dir', stateDir)
      assert.match(stdout, /^db-01 +worker .* fetched preseed /m)
      await lease.stop('SIGKILL')
      await server.stop()
    })

    test("cloud-init's NoCloud reads its seed from the kernel's argument", {
      skip: python || missing('busybox') || ('why' in cloudInit && cloudInit.why),
      timeout: 60_000,
    }, async () => {
      const server = await serve({ config }, '--state-dir', stateDir)
      machine.become(CN01)
      const lease = machine.udhcpc()
      await machine.applied(/^bound 10\.7\.0\.15$/m)
      const script = await centra(
        'explain',
        '--config',
        config,
        '--mac',
        CN01,
        '--via',
        'http',
        '--arch',
        'uefi-x64',
        '--script',
        'ipxe',
      )
      const [argument = ''] = /ds=nocloud;s=\S+/.exec(script.stdout) ?? []
      assert.equal(argument, 'ds=nocloud;s=http://10.7.0.1:8080/documents/52-54-00-07-00-05/')
      const program = [
        ...[
          'import json, sys',
          'from cloudinit import util',
          'from cloudinit.sources import DataSourceNoCloud as source',
        ],
        ...['found = {}', 'source.load_cmdline_data(found, sys.argv[1])'],
        'metadata, userdata, vendordata = util.read_seeded(found["seedfrom"], timeout=5, retries=0)',
        'print(json.dumps([metadata, userdata.decode(), vendordata.decode()]))',
      ].join('\n')
      const { stdout, stderr } = client.run(
        'env',
        `PYTHONPATH=${pythonPath()['PYTHONPATH']}`,
        'python3',
        '-c',
        program,
        argument,
      )
      assert.ok(stdout !== '', stderr)
      const [metadata, userdata, vendordata] = JSON.parse(
        stdout.split('\n').find((line) => line.startsWith('[')) ?? '[]',
      )
      assert.deepEqual(metadata, { 'instance-id': '52-54-00-07-00-05', 'local-hostname': 'cn-01' })
      assert.match(userdata, /^#cloud-config\n[\s\S]*^hostname: "cn-01"$/m)
      assert.equal(vendordata, '#cloud-config\n')
      await lease.stop('SIGKILL')
      await server.stop()
    })
  })
})
