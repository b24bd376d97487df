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

/** Octets at a file's end without which nothing boots, and which the server holds back. */
const END = 65_536

export class InstallMachine {
  readonly #host: Host
  readonly #options: { readonly server: string; readonly kernelSize: number }
  readonly #name: string
  #boots = 0
  #boot: Boot | undefined
  /** Each time the disk was begun to be written. */
  writes = 0
  /** It had all of its kernel but the end, or asked as the installer: what uses its intent up. */
  tried = false
  /** The last script. */
  script = ''

  /** `kernelSize` in octets. */
  constructor(host: Host, mac: string, options: { readonly server: string; readonly kernelSize: number }) {
    this.#host = host
    this.#options = options
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
        const { asks } = this.#current()
        const { status, octets, isWhole } = this.load()
        const { kernelSize } = this.#options
        if (!asks && status === 200 && octets >= kernelSize - END) this.tried = true
        if (status === 0 || (status === 200 && !isWhole)) return undefined
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

  /** Fetches its kernel, or some of it (`0-99`). */
  load(range?: string): { readonly status: number; readonly octets: number; readonly isWhole: boolean } {
    const some = range === undefined ? [] : ['-r', range]
    const args = ['-s', '--max-time', '10', '-o', '/dev/null', '-w', '%{http_code} %{size_download}', ...some]
    const url = `${this.#options.server}${this.#current().kernel}`
    const { code, stdout } = this.#host.run('curl', ...args, url)
    const [status = 0, octets = 0] = stdout.split(' ').map(Number)
    return { status, octets, isWhole: code === 0 }
  }

  report(stage: string): Answer {
    const body = JSON.stringify({ stage, nonce: this.#current().nonce })
    return this.ask('POST', `/v1/report/${this.#name}`, body)
  }

  ask(method: string, path: string, body?: string): Answer {
    const data = body === undefined ? [] : ['--data-raw', body]
    const shown = ['-s', '--max-time', '10', '-X', method, '-w', '\n%{http_code}']
    const { stdout } = this.#host.run('curl', ...shown, ...data, `${this.#options.server}${path}`)
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
