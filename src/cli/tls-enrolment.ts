import { join } from 'node:path'
import { LOADER_NAMES } from '../boot/loaders.ts'
import { TLS_FILES } from '../files/certificate-authority.ts'

/** What is to be done with the files of a new authority. */
export function enrolment(dir: string): string {
  const at = (name: keyof typeof TLS_FILES): string => join(dir, TLS_FILES[name])
  const loader = LOADER_NAMES.find((name) => name.endsWith('.efi')) ?? ''
  return `
Serve with it, in the configuration:
  server:
    boot:
      https: { certificate: ${at('server')}, key: ${at('serverKey')} }
and say which machines are sent there, for a network or a node, once they trust it:
  https: [firmware, scripts]        # UEFI HTTP boot's loader; what iPXE loads

Machines must trust ${at('authority')}:
  UEFI HTTP boot, in the setup menu   TLS Auth Configuration, Enroll Cert: ${at('authorityDer')} from a FAT disk
  UEFI HTTP boot, over Redfish        POST ca.crt to .../Systems/ID/Boot/Certificates, where the BMC has it
  OVMF in QEMU                        -fw_cfg name=etc/edk2/https/cacerts,file=${at('authorityList')}
  iPXE of the distribution, UEFI      centra-pxe tls trust ${loader} --authority ${at('authority')} --out FILE
  iPXE that you build                 make bin-x86_64-efi/${loader} TRUST=${at('authority')}
  curl                                curl --cacert ${at('authority')} https://...
Who has ${at('authorityKey')} can be this server: keep it elsewhere, where renewing is not needed every day.
Before the certificate expires: centra-pxe tls renew --dir ${dir}
`
}
