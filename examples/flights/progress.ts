import { setTimeout as sleep } from 'node:timers/promises'
import type { Streams } from 'millrace'

const lineEveryMs = 500
const lookEveryMs = 100

/** Says on standard error how far the run is: one line that is drawn again on a terminal, plain lines otherwise. */
export class Progress {
  readonly #live = process.stderr.isTTY === true
  #shownAt = 0
  #open = false

  show(what: string, done: number, total: number): void {
    const now = performance.now()
    if (done < total && now - this.#shownAt < (this.#live ? lookEveryMs : lineEveryMs)) return
    this.#shownAt = now
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
    const text = `${what} ${done.toLocaleString('en')} / ${total.toLocaleString('en')} (${percent} %)`
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
    let over = false
    const drained = app.drained().finally(() => {
      over = true
    })
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    const done = Promise.race([drained, aborted])
    while (!over && !signal.aborted) {
      await Promise.race([done, sleep(lookEveryMs)])
      this.show('process', Math.min(total, app.processedRecords('flights')), total)
    }
    await done
    this.end()
  }
}
