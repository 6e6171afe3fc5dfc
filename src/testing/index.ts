/** The door `millrace/testing`: a topology without a log, time without waiting, a disk that forgets. */
export { type CrashPoint, crashPoints, reach } from '../base/crash-points.ts'
export type { ProducedRecord } from './capturing-collector.ts'
export { ManualClock } from './manual-clock.ts'
export { SimulatedFiles, type SimulatedFilesOptions } from './simulated-files.ts'
export { type PipedRecord, TestInput, TestOutput, type TestRecord } from './test-topics.ts'
export { TopologyTestDriver, type TopologyTestDriverOptions } from './topology-test-driver.ts'
