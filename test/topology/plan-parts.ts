import type { ProcessorSupplier } from '../../src/processor/processor.ts'
import type { StoreBuilder } from '../../src/processor/store-builder.ts'
import { string } from '../../src/serdes/index.ts'

/** Parts for plans that are drawn and never run. */
export const plain = { keySerde: string, valueSerde: string }

export const passing: ProcessorSupplier<unknown, unknown, unknown, unknown> = {
  get: () => ({ process: () => undefined }),
}

export function anyStore(name: string, fingerprint = `keyValue:${name}`): StoreBuilder {
  return {
    name,
    kind: 'keyValue',
    engine: { name: 'none', persistent: false, open: () => Promise.reject(new Error('a plan that never runs')) },
    changelog: { configs: {} },
    fingerprint,
    build: () => {
      throw new Error('a plan that never runs')
    },
  }
}
