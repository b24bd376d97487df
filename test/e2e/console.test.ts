import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { missingPackages } from '../../src/lab/packages.ts'
import { buildPayload } from '../../src/lab/payload.ts'

/** A person at a terminal, which `script` (util-linux) makes, before the serial console of an unknown machine. */
const absent = missingPackages('lab')
const skip = process.getuid?.() === 0 ? absent.length > 0 && `missing: ${absent.join(' ')}` : 'needs root'
const CENTRA_PXE = join(import.meta.dirname, '../../bin/centra-pxe')
const PATIENCE_S = 120

test('a terminal is given to a serial console, chooses in the menu, logs in to the booted system, and comes back', {
  skip,
  timeout: 300_000,
}, async () => {
  await buildPayload()
  const folder = mkdtempSync(join(tmpdir(), 'centra-console-'))
  const config = join(import.meta.dirname, 'menu.yaml')
  const lab = [CENTRA_PXE, 'lab', '--config', config, '--payload', '--unknown', '1', '--firmware', 'bios']
  // exec: a shell that waits (dash does, bash does not) would die of the Ctrl-C itself and exit with 130.
  const command = ['exec', ...lab, '--accel', 'tcg', '--console', 'unknown-1', '--stay'].join(' ')
  const child = spawn('script', ['-q', '-e', '-f', '-c', command, join(folder, 'typescript')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm' },
  })
  let [shown, seen] = ['', 0]
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString('latin1')
  })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const sees = async (text: string): Promise<void> => {
    for (let tries = PATIENCE_S * 10; tries > 0; tries -= 1) {
      const at = stripVTControlCharacters(shown).indexOf(text, seen)
      if (at >= 0) {
        seen = at + text.length
        return
      }
      await sleep(100)
    }
    assert.fail(`never showed "${text}":\n${stripVTControlCharacters(shown).slice(-3000)}`)
  }
  try {
    await sees('the serial console of unknown-1; Ctrl-] leaves it')
    await sees('p. Power off')
    child.stdin.write('2')
    await sees('centra: in service as worker')
    child.stdin.write('\r')
    await sees('# ')
    // Ctrl-C is for the machine while its console has the terminal.
    child.stdin.write('sleep 1000\r')
    await sleep(1500)
    child.stdin.write('\x03')
    child.stdin.write('cat /proc/cmdline\r')
    await sees('centra.profile=worker')
    child.stdin.write('\x1d')
    await sees('report in-service: profile worker')
    await sees('the machines run on; Ctrl-C ends them')
    // Now it is for the lab.
    child.stdin.write('\x03')
    await sees('unknown-1: in service.')
    assert.equal(await exited, 0)
  } finally {
    child.kill('SIGTERM')
  }
})
