import { type Profile, RESCUE_PROFILE } from '../model/config.ts'

const CORE_SERVICES = [
  'FlareDB',
  'IAM',
  'PlasmaVMC',
  'K8sHost',
  'FlashDNS',
  'ChainFire',
  'Object Storage',
  'Monitoring',
]

/**
 * The three roles of a Centra Cloud node, and the rescue system. They are data: a configuration overrides any part of them under
 * `profiles:` and adds its own beside them. Without an `image:` a profile stays out of the menu;
 * the rescue system's entry says what to do.
 */
export const BUILTIN_PROFILES: readonly Profile[] = [
  {
    name: 'control-plane',
    title: 'Control plane: all 8 core services',
    description: 'Runs the eight core services of Centra Cloud',
    services: CORE_SERVICES,
    requires: { cores: 8, memoryGB: 32, diskGB: 500 },
    cmdline: ['centra.profile=control-plane'],
  },
  {
    name: 'worker',
    title: 'Worker: runs workloads',
    description: 'Runs containers and virtual machines',
    services: ['K8sHost', 'PlasmaVMC', 'ChainFire', 'FlashDNS', 'Monitoring agents'],
    requires: { cores: 16, memoryGB: 64, diskGB: 1000 },
    cmdline: ['centra.profile=worker'],
  },
  {
    name: 'all-in-one',
    title: 'All-in-one: the complete stack on one node',
    description: 'For testing, development and the homelab',
    services: CORE_SERVICES,
    requires: { cores: 16, memoryGB: 64, diskGB: 1000 },
    warning: 'all-in-one is not for production: no high availability',
    cmdline: ['centra.profile=all-in-one'],
  },
  {
    name: RESCUE_PROFILE,
    // Of the image store: `rescue build` puts it there.
    image: RESCUE_PROFILE,
    title: 'Rescue: a system in memory, to look at a broken machine',
    description: 'Starts nothing and writes nothing',
    services: [],
    requires: {},
    cmdline: ['centra.profile=rescue'],
  },
]
