/**
 * Real flights in, exactly-once state out: `npm start -s -- [--flights FILE] [--airports FILE] [--data DIR] [--json]
 * [--at-least-once]`. Kill it as often as you like and run it again: the numbers are the same.
 */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    process.exitCode = exitCodes[name]
    stop.abort()
  })
}
// Whoever reads the result may stop reading, as `head` does.
process.stdout.on('error', () => process.exit())

// Only now what takes its time to load: a signal that comes meanwhile is heard.
const { main } = await import('./program.ts')
await main(stop.signal)
