/** `npm run -s crash-points`: the names that MILLRACE_CRASH understands, one a line. */
import { crashPoints } from '../../src/base/crash-points.ts'

for (const point of Object.keys(crashPoints)) console.log(point)
