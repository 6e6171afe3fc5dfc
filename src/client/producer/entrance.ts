/**
 * The records of `send` that cannot be laid down yet: their topic is being looked up, or the buffer is full.
 *
 * Laws
 *  N1  records of one topic are laid down in the order in which they were sent
 *  N2  a record is laid down in the transaction it was sent in, or not at all
 */
import { StreamError } from '../../base/errors.ts'

export class Entrance {
  /** Of each topic the one that came last. */
  readonly #last = new Map<string, Promise<void>>()
  /** Rises when a transaction ends. */
  #generation = 0

  /** Nobody waits to write to the topic. */
  isFree(topic: string): boolean {
    return !this.#last.has(topic)
  }

  /**
   * Lays a record down when those before it are, and it is `ready`. What `lay` returns is handed on. `lost`: the record's
   * transaction is still open, and will be without it.
   */
  async enter<T>(
    topic: string,
    ready: () => Promise<void>,
    lay: () => Promise<T>,
    lost: (error: unknown) => void,
  ): Promise<T> {
    const generation = this.#generation
    // At once, so that many who wait for a topic that is missing wait only once.
    const prepared = ready()
    prepared.catch(ignore)
    const before = this.#last.get(topic) ?? Promise.resolve()
    const turn = before.then(async () => {
      try {
        await prepared
        if (generation === this.#generation) await ready()
        if (generation !== this.#generation) throw tooLate(topic)
        // Not its end: the next may go on as soon as it is laid down.
        return { laid: lay() }
      } catch (error) {
        if (generation === this.#generation) lost(error)
        throw error
      }
    })
    const over = turn.then(ignore, ignore)
    this.#last.set(topic, over)
    void over.then(() => {
      if (this.#last.get(topic) === over) this.#last.delete(topic)
    })
    return (await turn).laid
  }

  /** All who wait now are laid down or refused; null: nobody waits. */
  settled(): Promise<unknown> | null {
    return this.#last.size === 0 ? null : Promise.all(this.#last.values())
  }

  /** N2: the transaction ends, and who still waits is refused. */
  close(): void {
    this.#generation++
  }
}

function ignore(): void {}

function tooLate(topic: string): StreamError {
  return new StreamError('TRANSACTION_ABORTED', `a record for ${topic} is not sent: its transaction ended before`)
}
