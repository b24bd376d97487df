import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { isPresent } from './packages.ts'
import { prepareVariables } from './qemu.ts'
import { machineFiles, ovmfVariables } from './qemu-arguments.ts'

const FRESH = ovmfVariables({})
const skip = !isPresent(FRESH) && `no ${FRESH}`
const folder = mkdtempSync(join(tmpdir(), 'centra-qemu-'))
const { uefiVariables } = machineFiles({ folder })
after(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(() => rmSync(uefiVariables, { force: true }))

test('UEFI variables start anew', { skip }, () => {
  writeFileSync(uefiVariables, 'of the last run')
  prepareVariables({ firmware: 'uefi', folder })
  assert.ok(readFileSync(uefiVariables).equals(readFileSync(FRESH)))
})

test('a machine that keeps its variables gets new ones only when it has none', { skip }, () => {
  prepareVariables({ firmware: 'uefi', folder, keepVariables: true })
  assert.ok(readFileSync(uefiVariables).equals(readFileSync(FRESH)))
  writeFileSync(uefiVariables, 'of the last run')
  prepareVariables({ firmware: 'uefi', folder, keepVariables: true })
  assert.equal(readFileSync(uefiVariables, 'utf8'), 'of the last run')
})

test('BIOS has no variables', () => {
  prepareVariables({ firmware: 'bios', folder })
  assert.equal(existsSync(uefiVariables), false)
})
