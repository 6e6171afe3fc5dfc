/**
 * Sorted rows of an engine under sorted rows of memory, which win: what a scan walks.
 */
import { compareBytes } from './row-keys.ts'

/** A row in memory; without an item the row is deleted. */
export interface OverlayRow<T> {
  readonly key: Buffer
  readonly item: T | null
}

export function sortOverlay<T>(rows: OverlayRow<T>[], reverse: boolean): OverlayRow<T>[] {
  return rows.sort((left, right) => (reverse ? compareBytes(right.key, left.key) : compareBytes(left.key, right.key)))
}

/** Both sides sorted the same way; `decode` makes an item of an engine's row, or null to leave it out. */
export async function* mergeRows<T>(
  rows: AsyncIterable<readonly [Buffer, Buffer]>,
  overlay: readonly OverlayRow<T>[],
  reverse: boolean,
  decode: (key: Buffer, value: Buffer) => T | null,
): AsyncGenerator<T> {
  let index = 0
  for await (const [key, value] of rows) {
    let order = 1
    while (index < overlay.length) {
      const above = overlay[index]!
      order = reverse ? compareBytes(key, above.key) : compareBytes(above.key, key)
      if (order > 0) break
      if (above.item !== null) yield above.item
      index++
      if (order === 0) break
    }
    if (order === 0) continue
    const item = decode(key, value)
    if (item !== null) yield item
  }
  for (; index < overlay.length; index++) {
    const { item } = overlay[index]!
    if (item !== null) yield item
  }
}
