/**
 * What `millrace run` shows on standard error: on a terminal a live status line with progress bars, elsewhere plain lines.
 */
import { MultiBar, type SingleBar } from 'cli-progress'

/** How far the restore of one store is. */
export interface RestoreStep {
  readonly taskId: string
  readonly store: string
  readonly stage: 'start' | 'batch' | 'end'
  readonly restored: number
  readonly remaining: number
}

export interface Display {
  state(state: string): void
  restore(step: RestoreStep): void
  /** Called now and then: how many records were processed so far, and how many are known to wait. */
  input(processed: number, behind: number): void
  /** A line that stays. */
  note(line: string): void
  close(): void
}

export function createDisplay(stream: NodeJS.WriteStream): Display {
  return stream.isTTY ? new LiveDisplay(stream) : new LineDisplay(stream)
}

function count(value: number): string {
  return value.toLocaleString('en')
}

/** Plain lines: one for each change of state, each restore that has something to do, and progress when there was some. */
export class LineDisplay implements Display {
  readonly #stream: NodeJS.WritableStream
  #last = ''

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream
  }

  state(state: string): void {
    this.note(`state ${state}`)
  }

  restore({ taskId, store, stage, restored, remaining }: RestoreStep): void {
    if (stage === 'start' && remaining > 0)
      this.note(`restoring ${store} of task ${taskId}: ${count(remaining)} offsets`)
    if (stage === 'end' && restored > 0) this.note(`restored ${store} of task ${taskId}: ${count(restored)} records`)
  }

  input(processed: number, behind: number): void {
    const line = `processed ${count(processed)} records, ${count(behind)} behind`
    if (line !== this.#last) this.note(line)
    this.#last = line
  }

  note(line: string): void {
    this.#stream.write(`${line}\n`)
  }

  close(): void {}
}

const barFormat = '{what} [{bar}] {percentage} %  {now} / {all}'

/** A status line that is drawn again in place, above it a bar for each restore and one for the input while it is behind. */
export class LiveDisplay implements Display {
  readonly #bars: MultiBar
  readonly #status: SingleBar
  readonly #restores = new Map<string, SingleBar>()
  #input: { readonly bar: SingleBar; readonly from: number } | null = null
  #state = 'created'
  #processed = 0
  #behind = 0

  constructor(stream: NodeJS.WritableStream) {
    this.#bars = new MultiBar({ stream, hideCursor: true, clearOnComplete: true, barsize: 30, format: barFormat })
    this.#status = this.#bars.create(1, 0, { text: '' }, { format: '{text}' })
    this.#showStatus()
  }

  state(state: string): void {
    this.#state = state
    this.#showStatus()
  }

  restore({ taskId, store, stage, restored, remaining }: RestoreStep): void {
    const name = `${taskId} ${store}`
    const all = restored + remaining
    let bar = this.#restores.get(name)
    if (stage === 'end') {
      if (bar !== undefined) this.#bars.remove(bar)
      this.#restores.delete(name)
      return
    }
    if (all === 0) return
    if (bar === undefined) {
      bar = this.#bars.create(all, 0, { what: '', now: '', all: '' })
      this.#restores.set(name, bar)
    }
    bar.setTotal(all)
    bar.update(restored, { what: `restore ${store} of task ${taskId}`, now: count(restored), all: count(all) })
  }

  input(processed: number, behind: number): void {
    this.#processed = processed
    this.#behind = behind
    this.#showStatus()
    this.#showInput()
  }

  note(line: string): void {
    this.#bars.log(`${line}\n`)
  }

  close(): void {
    // Bars are drawn by a timer: what was noted since its last tick would be lost.
    this.#bars.update()
    this.#bars.stop()
  }

  #showStatus(): void {
    const waiting = this.#behind === 0 ? 'up to date' : `${count(this.#behind)} behind`
    this.#status.update(0, { text: `${this.#state} · ${count(this.#processed)} records processed · ${waiting}` })
  }

  #showInput(): void {
    const [processed, behind] = [this.#processed, this.#behind]
    if (behind === 0) {
      if (this.#input !== null) this.#bars.remove(this.#input.bar)
      this.#input = null
      return
    }
    this.#input ??= { bar: this.#bars.create(behind, 0, { what: 'ingest', now: '', all: '' }), from: processed }
    const { bar, from } = this.#input
    const done = processed - from
    bar.setTotal(done + behind)
    bar.update(done, { now: count(done), all: count(done + behind) })
  }
}
