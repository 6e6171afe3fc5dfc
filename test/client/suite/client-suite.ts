import { admin } from './admin.ts'
import { groups } from './groups.ts'
import { producing } from './producing.ts'
import { transactions } from './transactions.ts'
import { type Carrier, World } from './world.ts'

/** What the client promises on any carrier. */
export function clientSuite(name: string, carrier: Carrier): void {
  describe(`a client on the ${name} carrier`, () => {
    let world: World

    beforeEach(async () => {
      world = new World(carrier)
      await world.open()
    })

    afterEach(() => world.close())

    describe('producing and consuming', () => producing(() => world))
    describe('transactions', () => transactions(() => world))
    describe('groups', () => groups(() => world))
    describe('admin', () => admin(() => world))
  })
}
