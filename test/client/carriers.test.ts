import { SeededRandom } from '../../src/base/random.ts'
import { codecConnection } from '../../src/protocol/codec-connection.ts'
import { clientSuite } from './suite.ts'

clientSuite('direct', (broker, clientId) => broker.connect({ clientId }))

const seed = Number(process.env.MILLRACE_SEED ?? 42)
const random = new SeededRandom(seed)

clientSuite(`codec (random versions, seed ${seed})`, (broker, clientId) =>
  codecConnection(broker, { clientId, version: (_api, min, max) => min + random.int(max - min + 1) }),
)
