import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMac } from '../lib/mac.ts'
import { type Machine, qemuArguments } from './qemu-arguments.ts'

const mac = parseMac('52:54:00:77:00:01')
assert.ok(mac !== undefined)

const BIOS: Machine = {
  name: 'node01',
  firmware: 'bios',
  nic: 'virtio',
  mac,
  uuid: '4c4c4544-0031-4a10-8052-b9c04f4e3132',
  tap: 'tap0',
  memoryMib: 512,
  acceleration: 'tcg',
  folder: '/run/lab/node01',
}

test('BIOS: SeaBIOS on the serial port, the card boots by its own ROM', () => {
  assert.deepEqual(qemuArguments(BIOS), [
    ...['-name', 'node01', '-uuid', '4c4c4544-0031-4a10-8052-b9c04f4e3132'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none'],
    ...['-accel', 'tcg,tb-size=256', '-cpu', 'qemu64', '-smp', '1', '-m', '512'],
    ...['-machine', 'pc,graphics=off'],
    ...['-netdev', 'tap,id=net0,ifname=tap0,script=no,downscript=no'],
    ...['-device', 'virtio-net-pci,netdev=net0,mac=52:54:00:77:00:01,bootindex=1'],
    ...['-chardev', 'file,id=serial0,path=/run/lab/node01/serial.log', '-serial', 'chardev:serial0'],
    ...['-qmp', 'unix:/run/lab/node01/qmp.sock,server=on,wait=off'],
  ])
})

test('UEFI: OVMF read-only, variables of its own, no card ROM', () => {
  const args = qemuArguments({ ...BIOS, firmware: 'uefi' })
  assert.ok(args.includes('q35'))
  assert.ok(args.includes('if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd'))
  assert.ok(args.includes('if=pflash,unit=1,format=raw,file=/run/lab/node01/uefi-variables.fd'))
  assert.ok(args.includes('virtio-net-pci,netdev=net0,mac=52:54:00:77:00:01,bootindex=1,romfile='))
})

test('Secure Boot: OVMF in System Management Mode, and variables that only it may write', () => {
  const args = qemuArguments({ ...BIOS, firmware: 'uefi', secureBoot: true })
  assert.ok(args.includes('q35,smm=on'))
  assert.ok(args.includes('driver=cfi.pflash01,property=secure,value=on'))
  assert.ok(
    args.includes('if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd'),
  )
})

test('UEFI that boots over HTTP does not try PXE first', () => {
  const pxe = (machine: Machine): readonly string[] => qemuArguments(machine).filter((one) => /PXE/.test(one))
  assert.deepEqual(pxe({ ...BIOS, firmware: 'uefi' }), [])
  assert.deepEqual(pxe({ ...BIOS, firmware: 'uefi', uefiBoots: 'http' }), [
    'name=opt/org.tianocore/IPv4PXESupport,string=n',
    'name=opt/org.tianocore/IPv6PXESupport,string=n',
  ])
  assert.deepEqual(pxe({ ...BIOS, firmware: 'uefi', uefiBoots: 'ipv4' }), [
    'name=opt/org.tianocore/IPv6PXESupport,string=n',
  ])
})

test('KVM, an e1000 and a console socket', () => {
  const args = qemuArguments({ ...BIOS, acceleration: 'kvm', nic: 'e1000', console: true })
  assert.deepEqual(args.slice(args.indexOf('-accel'), args.indexOf('-accel') + 4), [
    '-accel',
    'kvm',
    '-cpu',
    'host',
  ])
  assert.ok(args.includes('e1000,netdev=net0,mac=52:54:00:77:00:01,bootindex=1'))
  const chardev = args[args.indexOf('-chardev') + 1]
  assert.equal(
    chardev,
    'socket,id=serial0,path=/run/lab/node01/serial.sock,server=on,wait=off,logfile=/run/lab/node01/serial.log',
  )
})

test('UEFI with an e1000 would never send a packet, and is refused', () => {
  assert.throws(() => qemuArguments({ ...BIOS, firmware: 'uefi', nic: 'e1000' }), /no driver/)
})

for (const format of ['qcow2', 'raw'] as const) {
  test(`a ${format} disk boots after the network`, () => {
    const args = qemuArguments({ ...BIOS, disk: { path: '/run/lab/a,b.img', format } })
    const at = args.indexOf('-blockdev')
    assert.deepEqual(args.slice(at, at + 4), [
      ...['-blockdev', `driver=${format},node-name=disk0,file.driver=file,file.filename=/run/lab/a,,b.img`],
      ...['-device', 'virtio-blk-pci,drive=disk0,bootindex=2'],
    ])
    assert.ok(args.includes('virtio-net-pci,netdev=net0,mac=52:54:00:77:00:01,bootindex=1'))
  })
}

test('a disk may boot before the network', () => {
  const args = qemuArguments({ ...BIOS, disk: { path: '/d', format: 'raw' }, bootFirst: 'disk' })
  assert.ok(args.includes('virtio-blk-pci,drive=disk0,bootindex=1'))
  assert.ok(args.includes('virtio-net-pci,netdev=net0,mac=52:54:00:77:00:01,bootindex=2'))
})

test('sent frames pass a relay without a vnet header', () => {
  const args = qemuArguments({ ...BIOS, sentFrames: { toRelay: '/r/to', fromRelay: '/r/from' } })
  assert.ok(args.includes('tap,id=net0,ifname=tap0,script=no,downscript=no,vnet_hdr=off'))
  assert.ok(args.includes('socket,id=to-relay,path=/r/to'))
  assert.ok(args.includes('socket,id=from-relay,path=/r/from'))
  assert.ok(args.includes('filter-redirector,id=relay,netdev=net0,queue=rx,outdev=to-relay,indev=from-relay'))
})

test('a comma in a path does not become an option', () => {
  const args = qemuArguments({ ...BIOS, folder: '/run/a,readonly=on' })
  assert.ok(args.includes('unix:/run/a,,readonly=on/qmp.sock,server=on,wait=off'))
})

test('OVMF trusts the certificates of a list for HTTPS boot', () => {
  const args = qemuArguments({ ...BIOS, firmware: 'uefi', nic: 'virtio', httpsAuthorities: '/run/a,b.esl' })
  assert.ok(args.includes('name=etc/edk2/https/cacerts,file=/run/a,,b.esl'))
})
