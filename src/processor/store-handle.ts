/**
 * What an application asks a store by: its name, and as a type the view it will get. A table with a store is one:
 * `app.store(counts)` is typed by it. `storeView` never holds anything.
 */
export interface StoreHandle<View> {
  readonly storeName: string
  readonly storeView?: View
}
