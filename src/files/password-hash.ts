import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** scrypt (RFC 7914): 16 MiB and some fifty milliseconds for each guess. */
const COST = { N: 16_384, r: 8, p: 1 } as const
const SALT_OCTETS = 16
const HASH_OCTETS = 32

/** `scrypt:N:r:p:SALT:HASH`, the last two in base64url (model/config.ts `PASSWORD_HASH`). */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_OCTETS)
  const hash = await derive(password, salt, COST)
  const { N, r, p } = COST
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join(':')
}

/** Whether this is the password of that hash; false for what is no hash. Takes the same time for every wrong one. */
export async function verifyPassword(hash: string, password: string): Promise<boolean> {
  const [kind, N = '', r = '', p = '', salt = '', wanted = ''] = hash.split(':')
  const expected = Buffer.from(wanted, 'base64url')
  if (kind !== 'scrypt' || expected.length !== HASH_OCTETS) return false
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64url'), cost), expected)
}

interface Cost {
  readonly N: number
  readonly r: number
  readonly p: number
}

function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  const options = { N, r, p, maxmem: 256 * N * r }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, HASH_OCTETS, options, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
