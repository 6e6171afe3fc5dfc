/**
 * Loads the user's file: JavaScript as it is; TypeScript through the `tsx` of the user's own project, else by a Node that
 * strips types. Millrace brings no compiler.
 */
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, StreamError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { messageWithPlace } from './place-of.ts'

/** The namespace of the module in `file`. INPUT_INVALID when it is missing or fails to load, TYPESCRIPT_UNSUPPORTED as its text says. */
export async function loadModule(file: string, files: Files): Promise<{ readonly [name: string]: unknown }> {
  const full = path.resolve(file)
  if (!files.exists(full))
    throw new StreamError('INPUT_INVALID', `there is no file ${full}; name a module that is there`)
  // JavaScript may import TypeScript.
  await registerTsx(full)
  try {
    return (await import(pathToFileURL(full).href)) as { readonly [name: string]: unknown }
  } catch (error) {
    if (StreamError.is(error)) throw error
    throw refusal(full, error)
  }
}

function refusal(file: string, cause: unknown): StreamError {
  const { code } = Object(cause) as { readonly code?: unknown }
  if (code === 'ERR_UNSUPPORTED_DIR_IMPORT' && messageOf(cause).includes(`'${file}'`)) {
    return new StreamError('INPUT_INVALID', `${file} is a folder; name a module in it`, { cause })
  }
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && messageOf(cause).includes('ts"')) return unsupported(file, cause)
  return new StreamError('INPUT_INVALID', `${file} cannot be loaded: ${messageWithPlace(cause, file)}`, { cause })
}

function unsupported(file: string, cause: unknown): StreamError {
  return new StreamError(
    'TYPESCRIPT_UNSUPPORTED',
    `${file} is or imports TypeScript, and Node ${process.versions.node} cannot read it; run npm install --save-dev tsx in its ` +
      'project, use Node 22.18 or newer, or compile it first',
    { cause },
  )
}

/** Registers the tsx of the file's project, if it has one; else the file is left to Node, which may strip types itself. */
async function registerTsx(file: string): Promise<void> {
  // Both: a .ts file in a package without "type": "module" is CommonJS, and may import what is not.
  for (const entry of tsxEntries(file)) {
    const { register } = (await import(pathToFileURL(entry).href)) as { register(): unknown }
    register()
  }
}

/**
 * The `tsx/cjs/api` and `tsx/esm/api` that the file itself would import; none if its project has no tsx. A `require.resolve`
 * of these names would find their CommonJS twins, which in some versions of tsx cannot register.
 */
function tsxEntries(file: string): string[] {
  const require = createRequire(pathToFileURL(file))
  let manifest: string
  try {
    manifest = require.resolve('tsx/package.json')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return []
    throw error
  }
  const { exports } = require(manifest) as TsxManifest
  const entries = [exports?.['./cjs/api'], exports?.['./esm/api']].map((entry) => entry?.import?.default)
  return entries.filter((entry) => entry !== undefined).map((entry) => path.join(path.dirname(manifest), entry))
}

type Entry = { readonly import?: { readonly default?: string } } | undefined

interface TsxManifest {
  readonly exports?: { readonly './cjs/api'?: Entry; readonly './esm/api'?: Entry }
}
