import type { Mac } from '../lib/mac.ts'
import { judgeReport, parseReport, REPORT_LIMIT, type Report, type Standing } from '../lifecycle/report.ts'
import type { HttpAnswer, HttpRequest } from '../model/http.ts'
import { addressInAttempt } from './answer-tftp.ts'
import { nodeOf } from './observe-http.ts'
import type { Running } from './running.ts'
import type { ServedNetwork } from './served-network.ts'

/** `POST /v1/report/MAC`: 204 when it was understood, whether proven or only claimed. */
export async function answerReport(
  request: HttpRequest,
  mac: Mac,
  on: ServedNetwork,
  running: Running,
): Promise<HttpAnswer> {
  if (!running.reportRate.take(request.peer, running.now()))
    return answer(429, 'too many reports from this address\n', { 'Retry-After': '5' })
  const body = await request.readBody(REPORT_LIMIT)
  if (body === undefined) return answer(413, `expected at most ${REPORT_LIMIT} octets of JSON\n`)
  const report = parseReport(body)
  if (!report.ok) return answer(400, `${report.error}\n`)
  // A boot that was commanded is told by its nonce, whatever else this card was given since.
  const commanded = running.intents.attemptOf(report.value.nonce ?? '')
  const attempt = commanded?.mac === mac ? commanded : running.attempts.of(mac)
  const standing = judgeReport(report.value, addressInAttempt(attempt, request.peer, on, running), attempt)
  record(report.value, standing, { mac, peer: request.peer, on, running })
  if (standing.kind === 'verified' && attempt !== undefined)
    await reported(attempt.nonce, report.value, running)
  if (standing.kind === 'verified' && attempt !== undefined)
    running.store.saveProgress({ nonce: attempt.nonce, stage: report.value.stage, at: running.now() })
  return answer(204, '')
}

/** How a boot that somebody asked for goes on; on disk when this resolves. */
async function reported(nonce: string, { stage }: Report, running: Running): Promise<void> {
  const node = running.intents.nodeOf(nonce)
  if (node !== undefined) await running.intents.advance(node, { kind: 'report', nonce, stage })
}

function record(
  report: Report,
  standing: Standing,
  { mac, peer, on, running }: { mac: Mac; peer: string; on: ServedNetwork; running: Running },
): void {
  const time = running.now()
  const { stage, detail, facts } = report
  running.timeline.emit({
    time,
    kind: 'report',
    mac,
    ...nodeOf(mac, running),
    network: on.network.name,
    address: peer,
    detail: {
      ...facts,
      stage,
      standing: standing.kind,
      ...(standing.kind === 'claimed' ? { because: standing.because } : {}),
      ...(detail === undefined ? {} : { detail }),
    },
  })
  if (standing.kind !== 'verified') return
  running.queue.leave(on.network.name, mac)
  running.seen.note(mac, on.network.name, time, { stage })
}

function answer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { kind: 'text', status, headers: { 'Content-Type': 'text/plain', ...headers }, body }
}
