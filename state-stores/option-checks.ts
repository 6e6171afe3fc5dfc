/** What callers without types may get wrong when they plan a store: TOPOLOGY_INVALID, naming the store and what to give. */
import { StreamError } from '../src/base/errors.ts'
import {
  aSerde,
  aText,
  checkOptions,
  configTexts,
  type OptionCheck,
  type OptionChecks,
  wholeFrom,
} from '../src/base/option-checks.ts'
import type { StoreOptions, WindowStoreOptions } from './builders.ts'

const anEngine: OptionCheck = (value) => {
  const { name, open }: { readonly name?: unknown; readonly open?: unknown } = Object(value)
  return typeof name === 'string' && typeof open === 'function' ? null : 'an engine like level() or memory()'
}

const aChangelog: OptionCheck = (value) => {
  if (typeof value === 'boolean') return null
  const wanted = 'true, false or { configs }'
  if (typeof value !== 'object' || value === null || Object.keys(value).some((name) => name !== 'configs'))
    return wanted
  const { configs }: { readonly configs?: unknown } = value
  return configs === undefined ? wanted : configTexts(configs)
}

const storeChecks = {
  name: aText,
  key: aSerde,
  value: aSerde,
  engine: anEngine,
  changelog: aChangelog,
} satisfies OptionChecks<StoreOptions<unknown, unknown>>

const windowChecks = {
  ...storeChecks,
  windowSizeMs: wholeFrom(1, 'milliseconds'),
  retentionMs: wholeFrom(1, 'milliseconds'),
} satisfies OptionChecks<WindowStoreOptions<unknown, unknown>>

/** `maker`: how the store is planned, as `stores.window`. */
export function checkStoreOptions(maker: string, isWindow: boolean, options: unknown): void {
  const checks: { readonly [name: string]: OptionCheck } = isWindow ? windowChecks : storeChecks
  const { name }: { readonly name?: unknown } = Object(options)
  const owner = typeof name === 'string' ? `the store '${name}'` : maker
  checkOptions(owner, options, checks, 'TOPOLOGY_INVALID')
  const given = options as { readonly [name: string]: unknown }
  for (const needed of ['name', 'key', 'value', ...(isWindow ? ['windowSizeMs', 'retentionMs'] : [])]) {
    if (given[needed] !== undefined) continue
    throw new StreamError('TOPOLOGY_INVALID', `${owner} has no ${needed}; give ${checks[needed]!(undefined)}`)
  }
}
