/** node01 that boots what was commanded: one server, its store, and who asks it from where. */
import assert from 'node:assert/strict'
import { answerHttp } from '../../src/app/answer-http.ts'
import { type CommandOutcome, commandNode, type NodeCommand } from '../../src/app/node-commands.ts'
import { macWithDashes } from '../../src/lib/mac.ts'
import type { RedeemedBy } from '../../src/model/intent.ts'
import { MemoryStore, running } from './memory.ts'
import { NODE01, type WorldBuilder, world } from './world.ts'

/** The lease of node01, and an address that is not its. */
export const OWN = '10.77.0.11'
export const OTHER = '10.77.0.66'
/** What node01 asks for. */
export const DASHED = macWithDashes(NODE01)
export const SCRIPT = `/boot/${DASHED}.ipxe`
export const REDEEM = `/v1/redeem/${DASHED}`

export interface Asked {
  readonly peer?: string
  readonly method?: string
  readonly body?: string
  /** The connection ends before the last octets. */
  readonly isCut?: boolean
}

export class Scene {
  readonly there: WorldBuilder
  readonly store = new MemoryStore()
  #server: ReturnType<typeof running>
  #commands = 0

  /** node01 holds the lease 10.77.0.11; the profile worker installs. */
  constructor(install: RedeemedBy = 'installer', change: (there: WorldBuilder) => WorldBuilder = (w) => w) {
    this.there = change(world().labNodes().lease(OWN, NODE01).profile('worker', { install }))
    this.#server = running(this.there, this.store)
  }

  get state() {
    return this.#server.running
  }

  get on() {
    return this.#server.on
  }

  /** As after kill -9: what is on disk is all there is. */
  restart(): void {
    this.#server = running(this.there, this.store)
  }

  command(kind: NodeCommand['kind'], profile?: string): Promise<CommandOutcome> {
    this.#commands += 1
    const id = this.#commands.toString(16).padStart(32, 'f')
    return commandNode(
      { node: 'node01', kind, id, ...(profile === undefined ? {} : { profile }) },
      this.#server.running,
    )
  }

  async ask(
    target: string,
    { peer = OWN, method = 'GET', body = '', isCut = false }: Asked = {},
  ): Promise<{ readonly status: number; readonly body: string; readonly retry?: string }> {
    const [path = '', query = ''] = target.split('?')
    const answer = await answerHttp(
      { method, path, query: new URLSearchParams(query), peer, readBody: async () => body },
      this.#server.on,
      this.#server.running,
      () => ({ version: '0', items: [], foreign: [] }),
    )
    if (answer.kind === 'text') {
      const { 'Retry-After': retry } = answer.headers
      return { status: answer.status, body: answer.body, ...(retry === undefined ? {} : { retry }) }
    }
    const cut = method === 'GET' && !isCut ? await answer.beforeLast?.() : undefined
    return { status: 200, body: cut === undefined ? `file ${answer.path}` : `cut: ${cut}` }
  }

  async script(asked: Asked = {}): Promise<string> {
    return (await this.ask(SCRIPT, asked)).body
  }

  redeem(nonce: string, { run, ...asked }: Asked & { readonly run?: string } = {}) {
    const body = JSON.stringify({ nonce, ...(run === undefined ? {} : { run }) })
    return this.ask(REDEEM, { ...asked, method: 'POST', body })
  }

  report(stage: string, nonce: string, peer = OWN) {
    return this.ask(`/v1/report/${DASHED}`, { method: 'POST', peer, body: JSON.stringify({ stage, nonce }) })
  }
}

/** The nonce in a script; fails where it has none. */
export function nonceOf(script: string): string {
  return /centra\.nonce=([0-9a-f]{32})/.exec(script)?.[1] ?? assert.fail(script)
}

/** The path of the kernel whose last octets use the intent up. */
export function kernelOf(script: string): string {
  return (
    /http:\/\/[^/]+(\/attempt\/[0-9a-f]{32}\/images\/[^\s]+\/vmlinuz)/.exec(script)?.[1] ??
    assert.fail(script)
  )
}

/** A script that leaves the machine to its disk. */
export const LOCAL = /Centra PXE: local disk/
