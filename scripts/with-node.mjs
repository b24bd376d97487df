// Runs a TypeScript script on the Node that this repository brings, whatever Node npm came with:
//
//   node scripts/with-node.mjs [--system-packages SET] SCRIPT [ARGUMENT...]
//
// Plain JavaScript for Node 20, no dependencies: it must run before anything is installed.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const EXIT_USAGE = 2
const EXIT_CONFIGURATION = 78
const NEEDED_MAJOR = 24

const root = dirname(dirname(fileURLToPath(import.meta.url)))

main(process.argv.slice(2))

function main(args) {
  const set = args[0] === '--system-packages' ? args[1] : undefined
  const [script, ...rest] = set === undefined ? args : args.slice(2)
  if (script === undefined || script.startsWith('-')) {
    stop(EXIT_USAGE, 'usage: with-node.mjs [--system-packages SET] SCRIPT [ARGUMENT...]')
  }
  if (dependenciesAreStale()) installDependencies()
  const node = findNode()
  if (node === undefined) {
    const how = 'npm ci brings it on x64 and arm64 Linux'
    stop(EXIT_CONFIGURATION, `Node.js >= ${NEEDED_MAJOR} is needed, this is ${process.version}; ${how}`)
  }
  if (set !== undefined) installSystemPackages(node, set)
  run(node, [resolveScript(script), ...rest])
}

/** npm writes node_modules/.package-lock.json last: older than our lock file means another set of packages. */
function dependenciesAreStale() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installed)) return true
  return statSync(installed).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs
}

function installDependencies() {
  say('installing npm packages (npm ci)')
  const npm = ['ci', '--loglevel=error', '--no-audit', '--no-fund']
  // stdout belongs to the script we run; npm's talk goes to stderr.
  const { status, error } = spawnSync('npm', npm, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error !== undefined) stop(1, `npm cannot be started: ${error.message}`)
  if (status !== 0) stop(status ?? 1, 'npm ci failed')
}

function findNode() {
  const modules = join(root, 'node_modules')
  const brought = [join(modules, `node-linux-${process.arch}`, 'bin', 'node'), join(modules, '.bin', 'node')]
  return [...brought, process.execPath].find((path) => existsSync(path) && majorOf(path) >= NEEDED_MAJOR)
}

function majorOf(node) {
  if (node === process.execPath) return Number.parseInt(process.versions.node, 10)
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' })
  return Number.parseInt(String(stdout).replace(/^v/, ''), 10)
}

function installSystemPackages(node, set) {
  const script = join(root, 'scripts', 'system-packages.ts')
  const { status, signal } = spawnSync(node, [script, set], { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 128 + (constants.signals[signal] ?? 0))
}

/** Scripts are named from the repository's root, so that npm scripts work from any folder. */
function resolveScript(script) {
  const inRoot = join(root, script)
  return existsSync(inRoot) ? inRoot : script
}

function run(node, args) {
  const PATH = [join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter)
  const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, PATH } })
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    process.on(name, () => {
      // A terminal sends Ctrl-C to the child as well; one press must not count twice.
      if (name !== 'SIGINT' || !process.stdin.isTTY) child.kill(name)
    })
  }
  child.on('error', (error) => stop(1, `${node} cannot be started: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

function say(text) {
  process.stderr.write(`centra-pxe: ${text}\n`)
}

function stop(code, text) {
  say(text)
  process.exit(code)
}
