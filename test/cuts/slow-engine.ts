import type { Machine } from '../../src/base/machine.ts'
import type { Random } from '../../src/base/random.ts'
import type { EngineBatch, StateEngine, StateEngineSupplier } from '../../src/processor/state-engine.ts'

const turnsMax = 60

/** Engines whose writes take their time, so that the next commit is decided while the rows of one are written. */
export function slowed(supplier: StateEngineSupplier, random: Random): StateEngineSupplier {
  return {
    name: supplier.name,
    persistent: supplier.persistent,
    open: async (machine, directory) => slowEngine(await supplier.open(machine, directory), machine, random),
  }
}

function slowEngine(engine: StateEngine, machine: Machine, random: Random): StateEngine {
  return {
    get: (key) => engine.get(key),
    snapshot: () => engine.snapshot(),
    batch: () => slowBatch(engine.batch(), machine, random),
    close: () => engine.close(),
  }
}

function slowBatch(batch: EngineBatch, { clock }: Machine, random: Random): EngineBatch {
  return {
    get length() {
      return batch.length
    },
    put: (key, value) => batch.put(key, value),
    del: (key) => batch.del(key),
    clear: (gte, lt) => batch.clear(gte, lt),
    beforeWrite: (join) => batch.beforeWrite(join),
    write: async (options) => {
      for (let turns = random.int(turnsMax); turns > 0; turns--) await clock.turn()
      await batch.write(options)
    },
  }
}
