/**
 * The same UUID where its first three fields are the other way round: U-Boot sends them big-endian (`pxeuuid`, cmd/pxe.c), PC
 * firmware little-endian, as SMBIOS holds them.
 */
export function otherByteOrder(uuid: string): string {
  return uuid.replace(/^(..)(..)(..)(..)-(..)(..)-(..)(..)(-....-.{12})$/, '$4$3$2$1-$6$5-$8$7$9')
}

/** Whether two UUIDs are one, in either byte order. */
export function isSameUuid(one: string, other: string): boolean {
  return one === other || one === otherByteOrder(other)
}
