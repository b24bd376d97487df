import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { missingPackages } from './packages.ts'

const skip =
  process.getuid?.() === 0
    ? ['iproute2', 'util-linux'].some((name) => missingPackages('lab').includes(name)) && 'no ip or unshare'
    : 'needs root'

const MODULE = JSON.stringify(join(import.meta.dirname, 'namespace.ts'))

test('the world has a loopback of its own and nothing of the host', { skip }, () => {
  const run = inWorld('ls /sys/class/net; ip -br link | cut -d" " -f1; echo $$; exit 7')
  assert.deepEqual(run.stdout.split('\n').filter(Boolean), ['lo', 'lo', '1'])
  assert.equal(run.status, 7)
})

test('the bridge has its address, a settled link-local one, and carrier before any machine', { skip }, () => {
  const script = `import { makeBridge, makeTap } from ${MODULE}
    await makeBridge({ name: 'prov0', address: '10.77.0.1', prefix: 24 })
    await makeTap({ name: 'tap0', bridge: 'prov0' })`
  const run = inWorld(
    `"$1" --input-type=module -e "$2" && ip -o addr show dev prov0; cat /sys/class/net/prov0/carrier; ip -o link show tap0`,
    process.execPath,
    script,
  )
  assert.match(run.stdout, /inet 10\.77\.0\.1\/24 brd 10\.77\.0\.255/)
  assert.match(run.stdout, /inet6 fe80::\S+ scope link/)
  assert.doesNotMatch(run.stdout, /tentative/)
  assert.match(run.stdout, /^1$/m)
  assert.match(run.stdout, /tap0: .* master prov0 /)
})

test('stop asks with SIGTERM, and kills what does not listen', { skip }, () => {
  const script = `import { enterPrivateWorld } from ${MODULE}
    const start = (script) => enterPrivateWorld('sh', ['-c', script], { stdio: 'ignore' })
    const polite = start('trap "exit 3" TERM; while :; do sleep 0.05; done')
    const deaf = start('while :; do sleep 0.05; done')
    await new Promise((resolve) => setTimeout(resolve, 500))
    console.log(await polite.stop(5000), (await deaf.stop(100)) === 0)`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.equal(run.stdout, '3 false\n')
})

test('when the outer process is killed, nothing of the world is left', { skip }, async (t) => {
  const script = `import { enterPrivateWorld } from ${MODULE}
    enterPrivateWorld('sh', ['-c', 'readlink /proc/self/ns/net; sleep 1000 & sleep 1000'])`
  const outer = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => outer.kill('SIGKILL'))
  const [said] = (await once(outer.stdout, 'data')) as [Buffer]
  const namespace = said.toString().trim()
  assert.match(namespace, /^net:\[\d+\]$/)
  // The shell tells its namespace before it starts the two sleeps.
  const sleeps = (): number => processesIn(namespace).filter(isSleep).length
  for (let i = 0; i < 100 && sleeps() < 2; i += 1) await sleep(50)
  assert.equal(sleeps(), 2)
  outer.kill('SIGKILL')
  for (let i = 0; i < 100 && processesIn(namespace).length > 0; i += 1) await sleep(50)
  assert.deepEqual(processesIn(namespace), [])
})

function inWorld(shell: string, ...args: readonly string[]): { status: number | null; stdout: string } {
  const script = `import { runInPrivateWorld } from ${MODULE}
    process.exitCode = await runInPrivateWorld('sh', ['-c', process.argv[1], 'sh', ...process.argv.slice(2)])`
  const node = ['--input-type=module', '-e', script, '--', shell, ...args]
  return spawnSync(process.execPath, node, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

/** The ids of all processes in a network namespace, named as /proc/PID/ns/net shows it. */
function processesIn(namespace: string): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && namespaceOf(name) === namespace)
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined
  }
}

function isSleep(id: string): boolean {
  try {
    return readFileSync(`/proc/${id}/comm`, 'utf8') === 'sleep\n'
  } catch {
    return false
  }
}
