import type { Random } from '../base/random.ts'

/** What a disk writes whole or not at all, but for the one page that a cut may tear. */
const pageBytes = 4096
const sectorBytes = 512
/** Of one page so many un-synced contents are kept; the oldest that no sync is about to save is forgotten first. */
const versionsMax = 8

/** Bytes and how many of them count. What lies behind is zero. */
interface Image {
  bytes: Buffer
  size: number
}

interface Version<T> {
  /** When it came about, counted in writes and truncations of this file. */
  readonly order: number
  readonly value: T
}

/** What un-synced writes did; a truncation begins the next stretch. */
interface Stretch {
  /** The truncation it begins with. */
  readonly truncation: Version<number> | null
  /** The contents each page has had since, oldest first. */
  readonly pages: Map<number, Version<Buffer>[]>
  /** The sizes the file has had since, oldest first. */
  readonly sizes: Version<number>[]
}

/** Picks which of the versions the disk holds; null: none of them. */
interface Choice {
  page(versions: readonly Version<Buffer>[], before: Buffer): Buffer | null
  size(versions: readonly Version<number>[]): number | null
}

/**
 * The bytes of one simulated file: what the process sees, what is on the disk for good, and what lies between.
 *
 * Laws
 *  F1  bytes written before a sync began are durable once it succeeded
 *  F2  a page that is not durable has, after a cut, one of the contents it had since the last sync, or the durable one;
 *      pages choose independently; one page may be torn between two of them, at a sector
 *  F3  truncations keep their order: nothing written after one survives without it
 *  F4  what a failed sync was to make durable is never made durable by a later one
 */
export class SimulatedFile {
  readonly #seen: Image
  readonly #durable: Image
  #stretches: Stretch[] = [stretchFrom(null)]
  #order = 0
  /** Of syncs under way. */
  readonly #marks: number[] = []

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#seen = { bytes: Buffer.from(bytes), size: bytes.length }
    this.#durable = { bytes: Buffer.from(bytes), size: bytes.length }
  }

  get size(): number {
    return this.#seen.size
  }

  read(into: Buffer, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#seen.size - position))
    if (count > 0) this.#seen.bytes.copy(into, offset, position, position + count)
    return count
  }

  write(from: Buffer, offset: number, length: number, position: number): void {
    if (length === 0) return
    const { pages, sizes } = this.#stretches.at(-1)!
    const end = position + length
    reserve(this.#seen, end)
    from.copy(this.#seen.bytes, position, offset, offset + length)
    this.#seen.size = Math.max(this.#seen.size, end)
    const order = ++this.#order
    if (this.#seen.size !== sizes.at(-1)?.value) sizes.push({ order, value: this.#seen.size })
    for (let page = Math.floor(position / pageBytes); page * pageBytes < end; page++) {
      const value = Buffer.alloc(pageBytes)
      this.#seen.bytes.copy(value, 0, page * pageBytes, Math.min(this.#seen.size, (page + 1) * pageBytes))
      const versions = pages.get(page)
      if (versions === undefined) pages.set(page, [{ order, value }])
      else if (versions.push({ order, value }) > versionsMax) this.#forgetOne(versions)
    }
  }

  #forgetOne(versions: Version<Buffer>[]): void {
    const saved = (index: number): boolean =>
      this.#marks.some((mark) => mark >= versions[index]!.order && mark < versions[index + 1]!.order)
    for (let index = 0; index < versions.length - 1; index++) {
      if (saved(index)) continue
      versions.splice(index, 1)
      return
    }
  }

  truncate(size: number): void {
    cutOff(this.#seen, size)
    this.#stretches.push(stretchFrom({ order: ++this.#order, value: size }))
  }

  /** A sync begins: gives the mark to end it with, by `synced` or `syncFailed`. */
  mark(): number {
    this.#marks.push(this.#order)
    return this.#order
  }

  /** F1: everything up to the mark is on the disk. */
  synced(mark: number): void {
    const newest = <T>(versions: readonly Version<T>[]): T | null =>
      versions.findLast(({ order }) => order <= mark)?.value ?? null
    this.#apply(this.#durable, { page: newest, size: newest }, mark)
    this.#forget(mark)
  }

  /** F4: the system counts the pages as written, and they are not. */
  syncFailed(mark: number): void {
    this.#forget(mark)
  }

  /** What the disk holds after a power cut (F2, F3). */
  cut(random: Random): Buffer {
    const disk: Image = { bytes: Buffer.from(this.#durable.bytes), size: this.#durable.size }
    const next = random.int(4) === 0 ? this.#stretches[1 + random.int(this.#stretches.length)] : undefined
    const limit = next?.truncation === null || next === undefined ? this.#order : next.truncation.order - 1
    this.#apply(disk, choiceOfCut(random), limit)
    return Buffer.from(disk.bytes.subarray(0, disk.size))
  }

  #apply(disk: Image, choice: Choice, limit: number): void {
    for (const { truncation, pages, sizes } of this.#stretches) {
      if (truncation !== null) {
        if (truncation.order > limit) return
        cutOff(disk, truncation.value)
      }
      for (const [page, versions] of pages) {
        const at = page * pageBytes
        reserve(disk, at + pageBytes)
        choice.page(versions, disk.bytes.subarray(at, at + pageBytes))?.copy(disk.bytes, at)
      }
      const size = choice.size(sizes)
      if (size === null) continue
      reserve(disk, size)
      disk.size = size
    }
    // A page may be there before the size that shows it is.
    disk.bytes.fill(0, disk.size)
  }

  #forget(mark: number): void {
    this.#marks.splice(this.#marks.indexOf(mark), 1)
    const rest: Stretch[] = []
    for (const { truncation, pages, sizes } of this.#stretches) {
      const later = <T>(versions: readonly Version<T>[]): Version<T>[] => versions.filter(({ order }) => order > mark)
      const stretch = stretchFrom(truncation !== null && truncation.order > mark ? truncation : null)
      stretch.sizes.push(...later(sizes))
      for (const [page, versions] of pages) {
        const kept = later(versions)
        if (kept.length > 0) stretch.pages.set(page, kept)
      }
      if (stretch.truncation !== null || stretch.pages.size > 0) rest.push(stretch)
    }
    if (rest.length === 0) rest.push(stretchFrom(null))
    this.#stretches = rest
  }
}

function stretchFrom(truncation: Version<number> | null): Stretch {
  return { truncation, pages: new Map(), sizes: [] }
}

function reserve(image: Image, size: number): void {
  if (size <= image.bytes.length) return
  const larger = Buffer.alloc(Math.max(size, image.bytes.length * 2))
  image.bytes.copy(larger)
  image.bytes = larger
}

function cutOff(image: Image, size: number): void {
  reserve(image, size)
  image.bytes.fill(0, size)
  image.size = size
}

/** Every page and the size for themselves; at most one page is torn. */
function choiceOfCut(random: Random): Choice {
  let mayTear = random.int(2) === 0
  return {
    page(versions, before) {
      const chosen = random.int(versions.length + 1) - 1
      if (chosen < 0) return null
      const { value } = versions[chosen]!
      if (!mayTear) return value
      mayTear = false
      const torn = Buffer.from(chosen > 0 ? versions[chosen - 1]!.value : before)
      value.copy(torn, 0, 0, sectorBytes * random.int(pageBytes / sectorBytes))
      return torn
    },
    size: (versions) => versions[random.int(versions.length + 1) - 1]?.value ?? null,
  }
}
