/**
 * One life of a simulated machine: from the moment it is switched on until the power goes, or its process dies. Everything in it comes from one
 * seed: how long a sync takes, how far the clock moves, when the cut falls.
 *
 * Laws
 *  L1  after the cut nothing of this life goes on: no sync, timer or turn of its ever ends
 *  L2  the same seed gives the same life
 */
import type { Files } from '../../src/base/files.ts'
import type { Machine } from '../../src/base/machine.ts'
import { type Random, SeededRandom } from '../../src/base/random.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SimulatedFiles } from '../../src/testing/simulated-files.ts'
import type { CutPlan, LifeEnd } from './cut-plan.ts'
import { hookedFiles } from './hooked-files.ts'

const never = (): Promise<never> => new Promise(() => {})
/** A life that hangs is a bug of its own: far more steps than any wait needs. */
const stepsMax = 200_000
/** How the clock moves when no plan says otherwise, in ms. */
const strideMsCalm = 4
/** How long the power may be away. */
const outageMsMax = 30_000

/** Time of one life: it ends with it. */
class LifeClock extends ManualClock {
  ended = false

  override async turn(): Promise<void> {
    if (!this.ended) await super.turn()
    if (this.ended) await never()
  }
}

/** The disk of a history: it goes from life to life through cuts. */
export class Disk {
  files: SimulatedFiles
  /** Time goes on from life to life, and while the power is away. */
  nowMs = 1_700_000_000_000
  #syncs: (() => void)[] = []

  /** A disk that holds an empty folder for good. */
  static async with(directory: string): Promise<Disk> {
    const disk = new Disk()
    disk.files.makeDirectory(directory)
    const synced = disk.files.syncDirectory('/')
    for (const end of disk.#syncs) end()
    disk.#syncs = []
    await synced
    return disk
  }

  private constructor() {
    this.files = new SimulatedFiles({ settle: () => new Promise((resolve) => this.#syncs.push(resolve)) })
  }

  /** Lets some of the syncs under way end, in any order. */
  release(random: Random): void {
    const waiting = this.#syncs
    this.#syncs = []
    for (const end of waiting) {
      if (random.int(3) === 0) end()
      else this.#syncs.push(end)
    }
  }

  /** The power goes, or only the process dies: then the next life finds all that this one wrote, on the disk or not. */
  end(kind: LifeEnd, random: Random): void {
    this.#syncs = []
    this.files = kind === 'cut' ? this.files.cut(random) : this.files.kill()
  }
}

export class Life {
  readonly machine: Machine
  readonly random: Random
  readonly #disk: Disk
  readonly #clock: LifeClock
  #strideMs = strideMsCalm
  #onEvent: (event: string) => void = () => {}
  #stopping = false
  #begun = false

  /** @param faulty what a planted bug makes of the disk */
  constructor(disk: Disk, random: Random, faulty: (files: Files) => Files) {
    this.#disk = disk
    this.random = random
    this.#clock = new LifeClock(disk.nowMs)
    const seed = random.int(0x7fffffff)
    const files = hookedFiles(faulty(disk.files), { watch: (event) => this.#onEvent(event) })
    this.machine = { clock: this.#clock, files, random: new SeededRandom(seed) }
  }

  /** Whoever works comes to an end, and everything is closed in order. */
  get stopping(): boolean {
    return this.#stopping
  }

  /** All is open and checked. Time passes without anything to do; from now on it moves as the plan says. */
  begin({ idleMs, strideMs }: CutPlan): void {
    this.#clock.advance(idleMs)
    this.#strideMs = strideMs
    this.#begun = true
  }

  /** A little time passes. */
  async step(): Promise<void> {
    await this.#clock.turn()
    this.#disk.release(this.random)
    if (this.random.int(4) === 0) this.#clock.advance(this.random.int(this.#strideMs))
  }

  /** Time passes until the promise settles. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const note = (): void => {
      settled = true
    }
    promise.then(note, note)
    for (let steps = 0; !settled; steps++) {
      if (steps === stepsMax) throw new Error(`nothing came of it in ${stepsMax} steps`)
      await this.step()
    }
    return promise
  }

  /** Lets `work` go on until the plan, or its own end, says that this life ends (L1). Throws what the work failed with. */
  async runToEnd(work: Promise<void>, plan: CutPlan): Promise<void> {
    let failure: { readonly error: unknown } | null = null
    let ended = false
    const end = (): void => {
      ended = true
    }
    work.then(end, (error: unknown) => {
      failure = { error }
      ended = true
    })
    let last = plan.fromBeginning ? plan.stepsMax : stepsMax
    let step = 0
    let begunAt = -1
    let seen = 0
    this.#onEvent = (event) => {
      if (plan.moment?.test(event) && ++seen === plan.nth) last = Math.min(last, step + plan.delay)
    }
    for (; step < last && !ended; step++) {
      if (this.#begun && begunAt < 0) {
        begunAt = step
        last = Math.min(last, step + plan.stepsMax)
      }
      if (begunAt >= 0 && step - begunAt === plan.stopAt) this.#stopping = true
      await this.step()
    }
    // At the very beginning of a turn: nothing of this life is half way through its own.
    await this.#clock.turn()
    this.#clock.ended = true
    this.#disk.end(plan.end, this.random)
    this.#disk.nowMs = this.#clock.now() + this.random.int(outageMsMax)
    if (failure !== null) throw (failure as { readonly error: unknown }).error
  }
}
