/** What callers without types may get wrong when they plan a store: TOPOLOGY_INVALID, naming the store and what to give. */
import {
  aSerde,
  aText,
  checkOptions,
  type OptionCheck,
  type OptionChecks,
  requireAll,
  wholeFrom,
} from '../src/base/option-checks.ts'
import { anEngine, changelogConfigs } from '../src/processor/store-checks.ts'
import type { StoreOptions, WindowStoreOptions } from './builders.ts'

const aChangelog: OptionCheck = (value) => {
  if (typeof value === 'boolean') return null
  const wanted = 'true, false or { configs }'
  if (typeof value !== 'object' || value === null || Object.keys(value).some((name) => name !== 'configs'))
    return wanted
  return changelogConfigs(value, wanted)
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
  const needed = ['name', 'key', 'value', ...(isWindow ? ['windowSizeMs', 'retentionMs'] : [])]
  requireAll(owner, options as object, checks, needed, 'TOPOLOGY_INVALID')
}
