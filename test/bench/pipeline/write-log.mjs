// A source at a steady pace, as a process of its own: node write-log.mjs '{"templates", "to", "perSecond", "seconds", "pids", "ticks"}'.
// Each record is written at its own time, or as soon as a timer is late; none is skipped. The file of templates is JSON: texts that are written
// in turn, with @ID@ for the id of an audit event of now and @PID@ for one of `pids`. At the end the file of ticks tells when records were
// written: [[milliseconds since 1970, records written up to then], ...].
import { openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const { templates, to, perSecond, seconds, pids, ticks: told } = JSON.parse(process.argv[2]);
const texts = JSON.parse(readFileSync(templates, 'utf8'));
const file = openSync(to, 'a');
const nowMs = () => performance.timeOrigin + performance.now();
const write = (text) => {
  const bytes = Buffer.from(text, 'latin1');
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
};

const ticks = [];
const startMs = nowMs();
const total = perSecond * seconds;
for (let n = 0; n < total; ) {
  const due = Math.min(total, Math.floor(((nowMs() - startMs) / 1000) * perSecond));
  if (due > n) {
    const atMs = nowMs();
    let text = '';
    for (; n < due; n++) {
      text += texts[n % texts.length]
        .replaceAll('@ID@', `${(atMs / 1000).toFixed(3)}:${n + 1}`)
        .replaceAll('@PID@', pids[n % pids.length]);
    }
    write(text);
    ticks.push([atMs, n]);
  }
  await sleep(1);
}
writeFileSync(told, JSON.stringify(ticks));
