/**
 * Loads the user's file: JavaScript as it is; TypeScript through the `tsx` of the user's own project, else by a Node that
 * strips types. Millrace brings no compiler.
 */
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'

const typeScript = /\.[mc]?tsx?$/

/** The namespace of the module in `file`. INPUT_INVALID when it is missing or fails to load, TYPESCRIPT_UNSUPPORTED as its text says. */
export async function loadModule(file: string, files: Files): Promise<{ readonly [name: string]: unknown }> {
  const full = path.resolve(file)
  if (!files.exists(full))
    throw new StreamError('INPUT_INVALID', `there is no file ${full}; name a module that is there`)
  if (typeScript.test(full)) await registerTsx(full)
  try {
    return (await import(pathToFileURL(full).href)) as { readonly [name: string]: unknown }
  } catch (error) {
    if (StreamError.is(error)) throw error
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION') throw unsupported(full, error)
    throw new StreamError('INPUT_INVALID', `${full} cannot be loaded: ${messageOf(error)}`, { cause: error })
  }
}

function unsupported(file: string, cause: unknown): StreamError {
  return new StreamError(
    'TYPESCRIPT_UNSUPPORTED',
    `${file} is or imports TypeScript, and Node ${process.versions.node} cannot read it; run npm install --save-dev tsx in its ` +
      'project, use Node 22.18 or newer, or compile it first',
    { cause },
  )
}

/** A project without tsx is left to Node, which may strip types itself. */
async function registerTsx(file: string): Promise<void> {
  const entry = tsxOf(file)
  if (entry === null) return
  const { register } = (await import(pathToFileURL(entry).href)) as { register(): () => void }
  register()
}

/**
 * The `tsx/esm/api` that the file itself would import; null if its project has none. A `require.resolve` of that name would
 * find the CommonJS twin, which in some versions of tsx cannot register.
 */
function tsxOf(file: string): string | null {
  const require = createRequire(pathToFileURL(file))
  let manifest: string
  try {
    manifest = require.resolve('tsx/package.json')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null
    throw error
  }
  const { exports } = require(manifest) as { exports?: { './esm/api'?: { import?: { default?: string } } } }
  const entry = exports?.['./esm/api']?.import?.default
  return entry === undefined ? null : path.join(path.dirname(manifest), entry)
}
