/** A machine that netboots, installs and reboots, as curl on a host of the test's network; its lease is the host's. */
import assert from 'node:assert/strict'
import type { Host } from './netns.ts'

export type Stage = 'script' | 'kernel' | 'redeem' | 'write' | 'report'

export interface Answer {
  /** 0: nobody answered. */
  readonly status: number
  readonly body: string
}

interface Boot {
  readonly nonce: string
  readonly kernel: string
  /** The installer asks before it writes. */
  readonly asks: boolean
}

export class InstallMachine {
  readonly #host: Host
  readonly #server: string
  readonly #name: string
  #boots = 0
  #boot: Boot | undefined
  /** Each time the disk was begun to be written. */
  writes = 0
  /** It did the request by which its intent is used up. */
  tried = false
  /** The last script. */
  script = ''

  constructor(host: Host, server: string, mac: string) {
    this.#host = host
    this.#server = server
    this.#name = mac.replaceAll(':', '-')
  }

  /** Another intent. */
  begin(): void {
    this.writes = 0
    this.tried = false
  }

  /** One stage; undefined when nobody answered, else the next one, `off` when its boot from the network is over. */
  does(stage: Stage): Stage | 'off' | undefined {
    switch (stage) {
      case 'script':
        return this.#fetchScript()
      case 'kernel': {
        const { kernel, asks } = this.#current()
        if (!asks) this.tried = true
        const { status } = this.ask('GET', kernel)
        if (status === 0) return undefined
        return status !== 200 ? 'off' : asks ? 'redeem' : 'write'
      }
      case 'redeem': {
        this.tried = true
        const body = `nonce=${this.#current().nonce}&run=boot-${this.#boots}`
        const { status } = this.ask('POST', `/v1/redeem/${this.#name}`, body)
        return status === 0 ? undefined : status === 200 ? 'write' : 'off'
      }
      case 'write':
        this.writes += 1
        return 'report'
      case 'report':
        return this.report('installed').status === 0 ? undefined : 'off'
      default:
        return stage satisfies never
    }
  }

  report(stage: string): Answer {
    const body = JSON.stringify({ stage, nonce: this.#current().nonce })
    return this.ask('POST', `/v1/report/${this.#name}`, body)
  }

  ask(method: string, path: string, body?: string): Answer {
    const data = body === undefined ? [] : ['--data-raw', body]
    const shown = ['-s', '--max-time', '10', '-X', method, '-w', '\n%{http_code}']
    const { stdout } = this.#host.run('curl', ...shown, ...data, `${this.#server}${path}`)
    const at = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(at + 1)), body: stdout.slice(0, Math.max(0, at)) }
  }

  #fetchScript(): Stage | 'off' | undefined {
    this.#boots += 1
    const { status, body } = this.ask('GET', `/boot/${this.#name}.ipxe`)
    if (status === 0) return undefined
    assert.equal(status, 200, body)
    this.script = body
    const nonce = /centra\.nonce=([0-9a-f]{32})/.exec(body)?.[1]
    const kernel = /http:\/\/[^/]+(\/attempt\/\S+\/vmlinuz)/.exec(body)?.[1]
    if (nonce === undefined || kernel === undefined || !body.includes('centra.intent=install')) return 'off'
    this.#boot = { nonce, kernel, asks: body.includes('centra.profile=asks') }
    return 'kernel'
  }

  #current(): Boot {
    assert.ok(this.#boot, 'it has a script')
    return this.#boot
  }
}
