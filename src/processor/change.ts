/** An update of a table: the new value and the one told before; null is absent. What a KTable's nodes forward. */
export class Change<V> {
  readonly newValue: V | null
  readonly oldValue: V | null

  constructor(newValue: V | null, oldValue: V | null) {
    this.newValue = newValue
    this.oldValue = oldValue
  }
}
