/**
 * What a user's file says: `export default { topology, config }`. The topology may also be a builder, or a function that
 * gives either.
 */
import { StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { StreamsConfig } from '../runtime/config.ts'
import type { Topology } from '../topology/topology.ts'
import { loadModule } from './load-module.ts'
import { messageWithPlace } from './place-of.ts'

const expected = 'export default { topology, config }'

/** The default export of `file`. INPUT_INVALID when it is no object with a topology. */
export async function loadApplication(
  file: string,
  files: Files,
): Promise<{ readonly topology: unknown; readonly config: unknown }> {
  const { default: exported } = await loadModule(file, files)
  const application = fromCommonJs(exported)
  if (!isObject(application) || !('topology' in application)) {
    throw new StreamError('INPUT_INVALID', `${file} has no topology as its default export; write ${expected}`)
  }
  return { topology: application.topology, config: 'config' in application ? application.config : undefined }
}

/** The finished topology of `file`. */
export async function topologyOf(file: string, topology: unknown): Promise<Topology> {
  const built = await build(file, topology)
  if (isTopology(built)) return built
  throw new StreamError(
    'INPUT_INVALID',
    `the topology of ${file} is neither a topology nor a builder of one; write ${expected}, with a StreamsBuilder or what its build() gives`,
  )
}

async function build(file: string, topology: unknown): Promise<unknown> {
  try {
    const given: unknown = typeof topology === 'function' ? await topology() : topology
    return isObject(given) && 'build' in given && typeof given.build === 'function' ? given.build() : given
  } catch (error) {
    if (StreamError.is(error)) throw error
    const text = `${file} fails to draw its topology: ${messageWithPlace(error, file)}`
    throw new StreamError('INPUT_INVALID', text, { cause: error })
  }
}

/** The configuration of `file`; its values are the runtime's to check. */
export function configOf(file: string, config: unknown): StreamsConfig {
  if (isObject(config)) return config as StreamsConfig
  throw new StreamError(
    'INPUT_INVALID',
    `${file} has no config in its default export; write ${expected}, with at least an applicationId and a log`,
  )
}

/** A TypeScript file in a package without "type": "module" arrives with its exports under `default`. */
function fromCommonJs(exported: unknown): unknown {
  return isObject(exported) && '__esModule' in exported && 'default' in exported ? exported.default : exported
}

function isTopology(value: unknown): value is Topology {
  return isObject(value) && 'subTopologies' in value && 'describe' in value && typeof value.describe === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
