import { levelHome, memoryHome, simulatedHome } from './support/home.ts'
import { keyValueSuite } from './support/key-value-suite.ts'
import { windowSuite } from './support/window-suite.ts'

for (const { name, home, durable } of [
  { name: 'level', home: levelHome, durable: true },
  { name: 'simulated level', home: simulatedHome, durable: true },
  { name: 'memory', home: memoryHome, durable: false },
]) {
  keyValueSuite(name, home, { durable })
  windowSuite(name, home, { durable, onDisk: durable })
}
