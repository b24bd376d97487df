import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseIpv4 } from '../src/lib/ipv4.ts'
import { parseMac } from '../src/lib/mac.ts'
import type { Lease } from '../src/model/lease.ts'
import { openStateStore } from '../src/store/state-store.ts'
import type { SeededLease } from './lan.ts'

/**
 * Seconds that a seeded lease still has: a whole lease time. Not more: ISC dhcpd keeps leases sorted by their end, and new
 * ones are cheapest at the end of the list.
 */
const REMAINING_SECONDS = 3600
/** Leases of one write to our own store. */
const BATCH = 1000

export interface Seed {
  /** The server's folder. */
  readonly dir: string
  readonly leases: readonly SeededLease[]
  /** Seconds since 1970. */
  readonly now: number
}

/** Kea's memfile, schema 2.1: a header and one line a lease. */
export function seedKea({ dir, leases, now }: Seed): void {
  const header =
    'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context'
  const rows = leases.map(
    ({ mac, address }) => `${address},${mac},,${REMAINING_SECONDS},${now + REMAINING_SECONDS},1,0,0,,0,`,
  )
  writeFileSync(join(dir, 'leases.csv'), `${[header, ...rows].join('\n')}\n`)
}

/** dhcpd.leases(5). */
export function seedDhcpd({ dir, leases, now }: Seed): void {
  const blocks = leases.map(
    ({ mac, address }) =>
      `lease ${address} {\n  starts epoch ${now};\n  ends epoch ${now + REMAINING_SECONDS};\n` +
      `  binding state active;\n  hardware ethernet ${mac};\n}\n`,
  )
  writeFileSync(join(dir, 'leases'), blocks.join(''))
}

/** dnsmasq's lease file: end, MAC, address, host name, client id. */
export function seedDnsmasq({ dir, leases, now }: Seed): void {
  const rows = leases.map(({ mac, address }) => `${now + REMAINING_SECONDS} ${mac} ${address} * *\n`)
  writeFileSync(join(dir, 'leases'), rows.join(''))
}

/** Our own state database, by our own store. */
export async function seedCentra({ dir, leases, now }: Seed): Promise<void> {
  const onError = (error: Error): never => {
    throw error
  }
  const { store } = await openStateStore({ stateDir: join(dir, 'state'), durability: 'off', onError })
  const rows = leases.map((lease) => leaseOf(lease, now))
  for (let at = 0; at < rows.length; at += BATCH) await store.saveLeases(rows.slice(at, at + BATCH))
  await store.close()
}

function leaseOf({ mac, address }: SeededLease, now: number): Lease {
  const [parsedMac, parsedAddress] = [parseMac(mac), parseIpv4(address)]
  if (parsedMac === undefined || parsedAddress === undefined) throw new Error(`${mac} ${address} is no lease`)
  return {
    network: 'bench',
    address: parsedAddress,
    mac: parsedMac,
    clientId: `01${mac.replaceAll(':', '')}`,
    state: 'bound',
    startedAt: now * 1000,
    expiresAt: (now + REMAINING_SECONDS) * 1000,
  }
}
