import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PathKind, pathKind } from './plane-counters.ts'

const KINDS: readonly (readonly [PathKind, ...string[]])[] = [
  ['identify', '/boot.ipxe', '/autoexec.ipxe', '/firmware/autoexec.ipxe'],
  ['script', '/boot/52-54-00-77-00-01.ipxe?entry=debian', '/boot/pxelinux.cfg/default'],
  ['script', '/pxelinux.cfg/01-52-54-00-77-00-01', '/grub.cfg', '/firmware/grub.cfg-01-52-54-00-77-00-01'],
  ['image', '/images/debian/vmlinuz', '/attempt/00ff/images/debian/initrd.img', '//images//debian/vmlinuz'],
  ['image', '/boot/52-54-00-77-00-01.efi', 'http://10.77.0.1/images/debian/vmlinuz'],
  ['firmware', '/firmware/ipxe.efi', '/firmware/'],
  ['document', '/documents/52-54-00-77-00-01/preseed.cfg', '/documents/52-54-00-77-00-01/'],
  ['report', '/v1/report/52-54-00-77-00-01', '/v1/redeem/00ff'],
  ['health', '/health'],
  ['metrics', '/metrics'],
  ['other', '/', '', '*', '/documents', '/favicon.ico', '/v1/', 'http://10.77.0.1'],
]

for (const [kind, ...targets] of KINDS)
  test(`counted as ${kind}: ${targets.join(' ')}`, () => {
    for (const target of targets) assert.equal(pathKind(target), kind, target)
  })
