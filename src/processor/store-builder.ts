import type { StateEngineSupplier } from './state-engine.ts'
import type { StateStore, StoreKind } from './state-store.ts'

/** The plan of a store: what a topology holds. `build` makes one instance per task. */
export interface StoreBuilder {
  readonly name: string
  readonly kind: StoreKind
  readonly engine: StateEngineSupplier
  /** null: no changelog; what is lost is lost. Else extra topic configs, over the library's own. */
  readonly changelog: { readonly configs: { readonly [name: string]: string } } | null
  /** Window stores: how long rows are kept, for the changelog's retention (+ 1 day, cleanup.policy compact,delete). */
  readonly retentionMs?: number
  /** Names kind, serdes and window: compared with what is on the disk at start (STORE_MISMATCH). */
  readonly fingerprint: string
  build(): StateStore
}
