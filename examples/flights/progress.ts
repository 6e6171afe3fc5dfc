import { setTimeout as sleep } from 'node:timers/promises'
import type { Streams } from 'millrace'

const lineEveryMs = 500
const lookEveryMs = 100

/** Says on standard error how far the run is: one line that is drawn again on a terminal, plain lines otherwise. */
export class Progress {
  readonly #live = process.stderr.isTTY === true
  #shownAt = 0
  #shown = ''
  #open = false

  show(what: string, done: number, total: number): void {
    const now = performance.now()
    if (done < total && now - this.#shownAt < (this.#live ? lookEveryMs : lineEveryMs)) return
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
    const text = `${what} ${done.toLocaleString('en')} / ${total.toLocaleString('en')} (${percent} %)`
    if (text === this.#shown) return
    this.#shownAt = now
    this.#shown = text
    if (this.#live) process.stderr.write(`\r\x1b[2K${text}`)
    else process.stderr.write(`${text}\n`)
    this.#open = this.#live
  }

  line(text: string): void {
    this.end()
    process.stderr.write(`${text}\n`)
  }

  end(): void {
    if (this.#open) process.stderr.write('\n')
    this.#open = false
  }

  /** Resolves when everything in the log is processed and committed, or when the signal aborts. */
  async watch(app: Streams, total: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    let over = false
    const drained = app.drained().finally(() => {
      over = true
    })
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    const done = Promise.race([drained, aborted])
    while (!over && !signal.aborted) {
      await Promise.race([done, sleep(lookEveryMs)])
      const processed = app.processedRecords('flights')
      // What earlier runs have processed is not counted again: a run with nothing left to do shows nothing.
      if (processed > 0) this.show('process', Math.min(total, processed), total)
    }
    await done
    this.end()
  }
}
