/** Names of images, profiles, nodes and networks; at most 63 characters. */
export const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/** The name of a file that machines load: a part of a URL, and a word of iPXE's and GRUB's scripts. */
export const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+~-]*$/
