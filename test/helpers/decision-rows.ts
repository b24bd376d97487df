import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide } from '../../src/boot/decide.ts'
import type { Action, BootRequest } from '../../src/boot/decision.ts'
import { STRANGER, told, type WorldBuilder } from './world.ts'

/** A decision and its reasons: `action` as `describeAction` tells it, `steps` as `told` does. */
export interface Row {
  readonly name: string
  readonly in: WorldBuilder
  readonly ask: (world: WorldBuilder) => BootRequest
  readonly action: string
  readonly steps: readonly string[]
}

/** Steps that most decisions begin with. */
export const ALL = 'clients.policy config: clients: all'
export const NOBODY = `node.match inventory: no node has ${STRANGER}`
export const KNOWN = 'node.match inventory: node01 by mac'

/** Clients as they are classified. */
export const bios = { stage: 'rom', arch: 'bios-x86' } as const
export const uefi = { stage: 'rom', arch: 'uefi-x64' } as const
export const ipxe = { stage: 'ipxe', arch: 'uefi-x64' } as const
export const os = { stage: 'os' } as const

/** A test for each row, below a title. */
export function testRows(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const row of rows)
      test(row.name, () => {
        const decision = decide(row.ask(row.in), row.in.build())
        assert.equal(describeAction(decision.action), row.action)
        assert.deepEqual(told(decision.trace), row.steps)
      })
  })
}

function describeAction(action: Action): string {
  switch (action.kind) {
    case 'boot-file':
      return [
        `boot-file ${action.file.name} over ${action.over}`,
        ...(action.url === undefined ? [] : [action.url]),
        ...(action.firmware === undefined ? [] : [`as ${action.firmware}`]),
      ].join(' ')
    case 'script-url':
      return `script-url ${action.url}`
    case 'file':
      return `file ${action.file.name}`
    case 'no-boot':
      return `no-boot ${action.reason}${action.nextServer === true ? ', next server' : ''}`
    case 'ignore':
    case 'refuse':
      return `${action.kind} ${action.reason}`
    case 'document':
      return `document ${action.document.name}`
    case 'script':
      return `script ${action.script.kind}: ${describeScript(action)}`
    default:
      return action satisfies never
  }
}

function describeScript({ script, boots }: Extract<Action, { kind: 'script' }>): string {
  switch (script.kind) {
    case 'boot':
      return `${script.title}, boots ${boots?.image} as ${boots?.profile}`
    case 'menu':
      return `${script.profiles.map(({ key }) => key).join(' ')}, default ${script.default}`
    case 'confirm':
      return `${script.profile.key}: ${script.warning}`
    case 'password':
      return [script.entry.key, ...script.lines].join('; ')
    case 'page':
      return [script.title, ...script.lines].join('; ')
    case 'local-disk':
      return script.because
    case 'recovery':
      return `${script.step}: ${script.lines.join('; ')}`
    case 'queue':
      return `number ${script.place} of ${script.waiting}, ${script.loading} load, again in ${script.retrySeconds} s`
    case 'identify':
      return script.opens?.card === undefined ? script.server : `${script.server} by ${script.opens.card}`
    case 'program':
      return `${script.title}, starts ${boots?.image} as ${boots?.profile}`
    case 'sanboot':
      return `${script.drive.url} for ${script.title}`
    case 'chain':
      return `${script.url} for ${script.title}`
    case 'refusal':
      return script.lines.join(' ')
    default:
      return script satisfies never
  }
}
