import { setTimeout as sleep } from 'node:timers/promises'
import type { Streams, StreamsEvents } from 'millrace'
import { Admin, type Connection } from 'millrace/client'
import { flights } from './topics.ts'

const lineEveryMs = 500
const lookEveryMs = 100
const clearLine = '\r\x1b[2K'

/**
 * About how many of the file's rows an application has committed by now: offsets, which count the ends of transactions,
 * too, as a share of all.
 */
export async function rowsCommitted(connection: Connection, applicationId: string, rows: number): Promise<number> {
  const admin = new Admin(connection)
  const partitions = Array.from({ length: flights.partitions ?? 1 }, (_, partition) => ({
    topic: flights.name,
    partition,
  }))
  let end = 0
  for (const { offset } of await admin.listOffsets(partitions, 'latest')) end += offset
  let done = 0
  for (const { topic, committed } of await admin.committedOffsets(applicationId))
    if (topic === flights.name) done += committed?.offset ?? 0
  return end === 0 ? 0 : Math.floor((rows * done) / end)
}

/** Says on standard error how far the run is: one line that is drawn again on a terminal, plain lines otherwise. */
export class Progress {
  readonly #stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>
  readonly #live: boolean
  readonly #dropped = new Map<string, number>()
  #shownAt = 0
  #shown = ''
  #open = false

  constructor(stream: Pick<NodeJS.WriteStream, 'isTTY' | 'write'>) {
    this.#stream = stream
    this.#live = stream.isTTY === true
  }

  show(what: string, done: number, total: number): void {
    const now = performance.now()
    if (done < total && now - this.#shownAt < (this.#live ? lookEveryMs : lineEveryMs)) return
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
    const text = `${what} ${done.toLocaleString('en')} / ${total.toLocaleString('en')} (${percent} %)`
    if (text === this.#shown) return
    this.#shownAt = now
    this.#shown = text
    this.#stream.write(this.#live ? `${clearLine}${text}` : `${text}\n`)
    this.#open = this.#live
  }

  /** A line that stays; the one that is drawn again makes room for it. */
  line(text: string): void {
    this.#stream.write(`${this.#open ? clearLine : ''}${text}\n`)
    this.#open = false
  }

  /** The first record of each kind that is left out, then the second, fourth, eighth …: not a flood. */
  dropped({ place, node, reason, detail }: StreamsEvents['dropped']): void {
    const count = (this.#dropped.get(reason) ?? 0) + 1
    this.#dropped.set(reason, count)
    if ((count & (count - 1)) !== 0) return
    const why = detail === '' ? reason : `${reason}: ${detail}`
    this.line(`${node} left out ${place} (${why}); ${count} of this kind so far`)
  }

  end(): void {
    if (this.#open) this.#stream.write('\n')
    this.#open = false
  }

  /**
   * Resolves when everything in the log is processed and committed, or when the signal aborts. Of the `total` rows, earlier runs
   * have processed `before`.
   */
  async watch(app: Streams, before: number, total: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    let over = false
    const drained = app.drained().finally(() => {
      over = true
    })
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    const done = Promise.race([drained, aborted])
    while (!over && !signal.aborted) {
      await Promise.race([done, sleep(lookEveryMs)])
      const processed = app.processedRecords(flights.name)
      // A run with nothing left to do shows nothing. Of one that has, `before` is only about right: the end is known.
      if (processed > 0) this.show('process', over ? total : Math.min(total, before + processed), total)
    }
    await done
    this.end()
  }
}
