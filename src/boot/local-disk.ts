import type { LocalDiskMethod, Node } from '../model/config.ts'
import { foldText } from '../model/node-keys.ts'
import type { Step } from '../model/rules.ts'
import type { World } from '../model/world.ts'
import { where } from './cite.ts'
import type { BootRequest } from './decision.ts'
import { machineArch } from './fit-image.ts'

/** A model whose way to its own disk is known. Texts as SMBIOS has them, without case; `product` is how it begins. */
interface ModelRow {
  readonly manufacturer: string
  readonly product: string
  readonly firmware: 'bios' | 'uefi'
  readonly method: LocalDiskMethod
  /** Who saw it. */
  readonly evidence: string
}

/**
 * What is not here gets the usual way of its loader: iPXE asks a BIOS for its first disk and leaves UEFI with a failure, GRUB
 * looks for a system's loader on UEFI and exits on BIOS, UEFI HTTP boot is answered 404.
 */
const MODELS: readonly ModelRow[] = [
  {
    ...{ manufacturer: 'QEMU', product: 'Standard PC (i440FX', firmware: 'bios', method: 'first-disk' },
    evidence: 'test/e2e/lab-disk.test.ts',
  },
  {
    ...{ manufacturer: 'QEMU', product: 'Standard PC (Q35', firmware: 'uefi', method: 'exit-failure' },
    evidence: 'test/e2e/lab-disk.test.ts',
  },
]

/** How the loader of this machine comes to its disk: as its node or profile says, or as is known of its model. */
export function localDiskMethod(
  request: BootRequest,
  world: World,
  { node, steps }: { readonly node: Node | undefined; readonly steps: Step[] },
): LocalDiskMethod | undefined {
  if (node?.localDisk !== undefined) {
    const outcome = `${node.localDisk} (node ${node.name})`
    steps.push({ rule: 'local.method', outcome, from: 'inventory', cite: where(node.origin) })
    return node.localDisk
  }
  const profile = world.config.profiles.get(node?.profile ?? '')
  if (profile?.localDisk !== undefined) {
    const outcome = `${profile.localDisk} (profile ${profile.name})`
    const cite = profile.origin === undefined ? {} : { cite: where(profile.origin) }
    steps.push({ rule: 'local.method', outcome, from: 'config', ...cite })
    return profile.localDisk
  }
  const model = modelOf(request, world)
  if (model === undefined) return undefined
  const { manufacturer, product, method, evidence } = model
  const outcome = `${method}, as is known of ${manufacturer} ${product}`
  steps.push({ rule: 'local.method', outcome, from: 'packet', cite: evidence })
  return method
}

function modelOf(request: BootRequest, world: World): ModelRow | undefined {
  const { manufacturer, product } = request.client
  const arch = machineArch(request, world)
  if (manufacturer === undefined || product === undefined || arch === undefined) return undefined
  const firmware = arch.startsWith('uefi-') ? 'uefi' : 'bios'
  return MODELS.find(
    (row) =>
      row.firmware === firmware &&
      foldText(row.manufacturer) === foldText(manufacturer) &&
      foldText(product).startsWith(foldText(row.product)),
  )
}
