/** The second thread of copy.mjs: runs one kernel on its half whenever it is told a new round. */
import { workerData } from "node:worker_threads";
import { instantiate } from "./streams.mjs";

const { memory, kernel, args, cells } = workerData;
const run = instantiate(memory, true)[kernel];
for (let done = 0, looks = 0; ; ) {
  const round = Atomics.load(cells, 0);
  if (round === done) {
    if (++looks > 2e6) Atomics.wait(cells, 0, done);
    continue;
  }
  looks = 0;
  run(...args);
  Atomics.store(cells, 16, round);
  done = round;
}
