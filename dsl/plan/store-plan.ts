/** The stores that steps keep: from their options to a builder. */
import { StreamError } from '../../src/base/errors.ts'
import type { Serde } from '../../src/base/serde.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import { stores } from '../../state-stores/builders.ts'
import type { StoreChoice, StoreOptions } from '../options.ts'
import type { TumblingWindows } from '../windows.ts'

/** A store's name alone stands for its options. */
export function storeOptions(choice: StoreChoice | undefined): StoreOptions {
  return typeof choice === 'string' ? { name: choice } : (choice ?? {})
}

export function rowStore(
  name: string,
  options: StoreOptions,
  key: Serde<unknown>,
  value: Serde<unknown>,
): StoreBuilder {
  return stores.timestampedKeyValue({ ...options, name, key, value })
}

/** Throws TOPOLOGY_INVALID where windows would be gone before they close. */
export function windowStore(
  name: string,
  options: StoreOptions,
  key: Serde<unknown>,
  value: Serde<unknown>,
  windows: TumblingWindows,
  retentionMs: number | undefined,
): StoreBuilder {
  const { sizeMs, graceMs } = windows
  const kept = retentionMs ?? sizeMs + graceMs
  if (kept < sizeMs + graceMs) {
    throw new StreamError(
      'TOPOLOGY_INVALID',
      `the window store '${name}' keeps ${kept} ms, less than size ${sizeMs} + grace ${graceMs} ms; give a larger retentionMs`,
    )
  }
  return stores.timestampedWindow({ ...options, name, key, value, windowSizeMs: sizeMs, retentionMs: kept })
}
