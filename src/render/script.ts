import type { Script, ScriptForm } from '../model/script.ts'
import { renderGrub } from './grub.ts'
import { renderIpxe } from './ipxe.ts'

/** A script in the language of the loader that asked for it. */
export function renderScript(script: Script, form: ScriptForm): string {
  return form === 'grub' ? renderGrub(script) : renderIpxe(script)
}
