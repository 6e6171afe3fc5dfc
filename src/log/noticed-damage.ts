import { StreamError } from '../base/errors.ts'

/** Damage that a reader meets is kept: the owner of the log has to know, not only who asked. */
export class NoticedDamage {
  readonly #tell: (error: StreamError) => void
  #first: StreamError | null = null

  /** `tell` hears of the first. */
  constructor(tell: (error: StreamError) => void) {
    this.#tell = tell
  }

  get first(): StreamError | null {
    return this.#first
  }

  noticing<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (StreamError.is(error, 'LOG_CORRUPT')) this.add(error)
      throw error
    }
  }

  add(error: StreamError): void {
    if (this.#first !== null) return
    this.#first = error
    this.#tell(error)
  }

  /** Perhaps it was in what is gone now; if not, it will be met again. */
  forget(): void {
    this.#first = null
  }
}
