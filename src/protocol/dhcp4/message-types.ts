/** DHCP message types, the values of option 53 (IANA "DHCP Message Type 53 Values"). */
export const MESSAGE_TYPES = [
  { code: 1, name: 'DISCOVER', cite: 'RFC 2132 §9.6' },
  { code: 2, name: 'OFFER', cite: 'RFC 2132 §9.6' },
  { code: 3, name: 'REQUEST', cite: 'RFC 2132 §9.6' },
  { code: 4, name: 'DECLINE', cite: 'RFC 2132 §9.6' },
  { code: 5, name: 'ACK', cite: 'RFC 2132 §9.6' },
  { code: 6, name: 'NAK', cite: 'RFC 2132 §9.6' },
  { code: 7, name: 'RELEASE', cite: 'RFC 2132 §9.6' },
  { code: 8, name: 'INFORM', cite: 'RFC 2132 §9.6' },
  { code: 9, name: 'FORCERENEW', cite: 'RFC 3203' },
  { code: 10, name: 'LEASEQUERY', cite: 'RFC 4388' },
  { code: 11, name: 'LEASEUNASSIGNED', cite: 'RFC 4388' },
  { code: 12, name: 'LEASEUNKNOWN', cite: 'RFC 4388' },
  { code: 13, name: 'LEASEACTIVE', cite: 'RFC 4388' },
  { code: 14, name: 'BULKLEASEQUERY', cite: 'RFC 6926' },
  { code: 15, name: 'LEASEQUERYDONE', cite: 'RFC 6926' },
  { code: 16, name: 'ACTIVELEASEQUERY', cite: 'RFC 7724' },
  { code: 17, name: 'LEASEQUERYSTATUS', cite: 'RFC 7724' },
  { code: 18, name: 'TLS', cite: 'RFC 7724' },
] as const

export type MessageType = (typeof MESSAGE_TYPES)[number]['name']

/** The name of an option 53 value; undefined for values IANA has not assigned. */
export function messageTypeOfCode(code: number): MessageType | undefined {
  // The codes are 1, 2, 3, ...
  return MESSAGE_TYPES[code - 1]?.name
}

/** The option 53 value of a message type. */
export function codeOfMessageType(type: MessageType): number {
  const row = MESSAGE_TYPES.find(({ name }) => name === type)
  if (row === undefined) throw new RangeError(`no such DHCP message type: ${type}`)
  return row.code
}
