/**
 * One life of a simulated machine: from the moment it is switched on until the power goes. Everything in it comes from one
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

const never = (): Promise<never> => new Promise(() => {})
/** A life that hangs is a bug of its own: far more steps than any wait needs. */
const stepsMax = 200_000
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

  cut(random: Random): void {
    this.#syncs = []
    this.files = this.files.cut(random)
  }
}

export class Life {
  readonly machine: Machine
  readonly random: Random
  readonly #disk: Disk
  readonly #clock: LifeClock

  /** @param faulty what a planted bug makes of the disk */
  constructor(disk: Disk, random: Random, faulty: (files: Files) => Files) {
    this.#disk = disk
    this.random = random
    this.#clock = new LifeClock(disk.nowMs)
    const seed = random.int(0x7fffffff)
    this.machine = { clock: this.#clock, files: faulty(disk.files), random: new SeededRandom(seed) }
  }

  /** A little time passes. */
  async step(): Promise<void> {
    await this.#clock.turn()
    this.#disk.release(this.random)
    if (this.random.int(4) === 0) this.#clock.advance(this.random.int(4))
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

  /** Lets `work` go on for so many steps; then the power goes (L1). Throws what the work failed with. */
  async runUntilCut(work: Promise<void>, steps: number): Promise<void> {
    let failure: { readonly error: unknown } | null = null
    const settled = work.catch((error: unknown) => {
      failure = { error }
    })
    void settled
    for (let step = 0; step < steps && failure === null; step++) await this.step()
    // At the very beginning of a turn: nothing of this life is half way through its own.
    await this.#clock.turn()
    this.#clock.ended = true
    this.#disk.cut(this.random)
    this.#disk.nowMs = this.#clock.now() + this.random.int(outageMsMax)
    if (failure !== null) throw (failure as { readonly error: unknown }).error
  }
}
