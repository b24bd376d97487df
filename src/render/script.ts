import type { Script, ScriptForm } from '../model/script.ts'
import { renderGrub } from './grub.ts'
import { renderIpxe } from './ipxe.ts'
import { renderPxelinux } from './pxelinux.ts'

/** A script in the language of the loader that asked for it, and over what it asked: PXELINUX's own and some GRUB speak TFTP alone. */
export function renderScript(script: Script, form: ScriptForm, over: 'tftp' | 'http' = 'http'): string {
  switch (form) {
    case 'grub':
      return renderGrub(script, over)
    case 'pxelinux':
      return renderPxelinux(script, over)
    case 'ipxe':
      return renderIpxe(script)
    default:
      return form satisfies never
  }
}
