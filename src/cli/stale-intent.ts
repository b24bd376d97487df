import { otherKeys } from '../lifecycle/intents.ts'
import type { Config, Node } from '../model/config.ts'
import type { NodeBoots } from '../model/intent.ts'
import { keysOf } from '../model/node-keys.ts'

/** Why what was asked for boots no more: the configuration is another one since. */
export function staleIntent({ intent }: NodeBoots, node: Node, config: Config): string | undefined {
  if (intent === undefined) return undefined
  const { kind, redeem, profile } = intent
  const others = otherKeys(intent, keysOf(node))
  if (others.length > 0) return `asked for when ${node.name} was told by another ${others.join(' and ')}`
  const install = config.profiles.get(profile)?.install
  if (kind !== 'install' || install === redeem) return undefined
  return `asked for when ${profile} said install: ${redeem}, it says ${install === undefined ? 'no install:' : `install: ${install}`} now`
}
