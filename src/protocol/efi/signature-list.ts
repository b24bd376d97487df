/** EFI_CERT_X509_GUID, a5c059a1-94e4-4aa7-87b5-ab155c2bf072 (UEFI 2.10 §32.4.1), as it lies in memory. */
const X509 = Uint8Array.of(
  ...[0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a],
  ...[0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72],
)
const GUID_LENGTH = 16
const HEADER_LENGTH = GUID_LENGTH + 12

/**
 * One certificate (DER) as an EFI_SIGNATURE_LIST: the form of the variable `TlsCaCertificate`, and of what OVMF takes as
 * `etc/edk2/https/cacerts` (edk2 OvmfPkg/Library/TlsAuthConfigLib). Its owner is the GUID of zeros: nobody.
 */
export function signatureList(certificate: Uint8Array): Uint8Array {
  const signature = GUID_LENGTH + certificate.length
  const list = new Uint8Array(HEADER_LENGTH + signature)
  const view = new DataView(list.buffer)
  list.set(X509)
  view.setUint32(GUID_LENGTH, list.length, true)
  view.setUint32(GUID_LENGTH + 8, signature, true)
  list.set(certificate, HEADER_LENGTH + GUID_LENGTH)
  return list
}
