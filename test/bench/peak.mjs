// Loaded before a measured program: at its end the most memory it held goes to a file, for nobody outside can ask later.
import { writeFileSync } from 'node:fs';

process.on('exit', () => writeFileSync(process.env.VESTIGE_BENCH_PEAK, String(process.resourceUsage().maxRSS * 1024)));
