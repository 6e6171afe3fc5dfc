import { mkdtempSync } from 'node:fs'
import { systemMachine } from '/work/main/src/base/machine.ts'
import { Broker } from '/work/main/src/broker/broker.ts'
import { Admin } from '/work/main/src/client/admin/admin.ts'
import { Consumer } from '/work/main/src/client/consumer/consumer.ts'
import { Producer } from '/work/main/src/client/producer/producer.ts'
let t = performance.now(); const lap = (n: string) => { const x = performance.now(); console.log(n, (x - t).toFixed(1)); t = x }
for (let i = 0; i < 3; i++) {
const broker = await Broker.open(systemMachine, mkdtempSync('/tmp/pc/b-')); lap('open')
await new Admin(broker.connect()).createTopics([{name:'t', partitions: 2}]); lap('topic')
const p = new Producer(broker.connect()); await p.send({topic:'t', value: 'x'}); lap('send')
await p.send({topic:'t', value: 'x'}); lap('send2')
await p.close(); lap('pclose')
const c = new Consumer(broker.connect(), {autoOffsetReset:'earliest', fetchWaitMs: 50}); c.assign([{topic:'t',partition:0}]); await c.poll(50); lap('poll'); await c.poll(50); lap('poll');await c.poll(50); lap('poll'); await c.close(); lap('cclose')
const g = new Consumer(broker.connect(), {autoOffsetReset:'earliest', groupId: 'g', fetchWaitMs: 50}); g.subscribe(['t']); await g.poll(50); lap('gpoll'); await g.poll(50); lap('gpoll'); await g.close(); lap('gclose')
await broker.close(); lap('close')
}
