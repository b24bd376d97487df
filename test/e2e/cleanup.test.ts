import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

/** However a lab ends, the host is as it was: its interfaces, its namespaces, its processes. */
describe('the lab leaves nothing behind', { skip: process.getuid?.() === 0 ? false : 'needs root' }, () => {
  const ends: readonly (readonly [string, (lab: ChildProcess) => void])[] = [
    ['Ctrl-C: SIGINT to its process group', (lab) => process.kill(-(lab.pid ?? 0), 'SIGINT')],
    ['SIGTERM to the command', (lab) => lab.kill('SIGTERM')],
    ['SIGKILL to the command', (lab) => lab.kill('SIGKILL')],
  ]
  for (const [name, end] of ends) {
    test(name, async () => {
      const before = hostNetwork()
      const lab = startLab(['--node', 'node01', '--accel', 'tcg'])
      const folder = await lab.folder
      await lab.line(/OFFER/)
      assert.ok(processesOf(folder).length >= 2, 'the server and QEMU run')
      end(lab.child)
      await lab.closed
      await until(() => processesOf(folder).length === 0)
      assert.deepEqual(processesOf(folder), [])
      assert.deepEqual(hostNetwork(), before)
    })
  }

  test('a machine that does not come into service in time: exit code 1, and its console is shown', async () => {
    const before = hostNetwork()
    const lab = startLab(['--node', 'node01', '--accel', 'tcg', '--timeout', '2'])
    const folder = await lab.folder
    assert.equal(await lab.closed, 1)
    assert.match(lab.output(), /FAILED: not in service after 2 s/)
    assert.match(lab.output(), /serial console of node01/)
    assert.deepEqual(processesOf(folder), [])
    assert.deepEqual(hostNetwork(), before)
  })
})

interface StartedLab {
  readonly child: ChildProcess
  readonly folder: Promise<string>
  readonly closed: Promise<number | null>
  readonly output: () => string
  readonly line: (pattern: RegExp) => Promise<void>
}

function startLab(args: readonly string[]): StartedLab {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const child = spawn(process.execPath, [main, 'lab', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const closed = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const line = async (pattern: RegExp): Promise<void> => {
    await until(() => pattern.test(output) || child.exitCode !== null)
    assert.match(output, pattern)
  }
  const folder = line(/^logs: /m).then(() => /^logs: (.*)$/m.exec(output)?.[1] ?? '')
  return { child, folder, closed, output: () => output, line }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1200 && !holds(); i += 1) await sleep(50)
}

/** Names, not counters: what a person compares in `ip link` and `ip netns list`. */
function hostNetwork(): readonly string[] {
  const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8' })
  return [ip('-o', 'link').replace(/^[0-9]+: |\\.*$/gm, ''), ip('netns', 'list'), ip('-o', '-4', 'address')]
}

/** Everything whose command line names the run's folder: QEMU, tcpdump, the server, the lab itself. */
function processesOf(folder: string): readonly string[] {
  return globSync('/proc/[0-9]*/cmdline').flatMap((file) => {
    try {
      const command = readFileSync(file, 'latin1').replaceAll('\0', ' ')
      return command.includes(folder) ? [command] : []
    } catch {
      return []
    }
  })
}
