// A process that ends by kill -9 in the middle of running rules: before its first statement that writes to a table. Run by increments.test.ts,
// bundled, in a process of its own.
import { connect } from '../../store/connect.ts';
import { loadRules } from '../language/load.ts';
import { detect } from './detect.ts';

/** Directories of the store and of the rules, number of the run, table. */
export type Arguments = [store: string, rules: string, version: string, table: string];

const [directory, rules, version, table] = process.argv.slice(2) as Arguments;
const store = await connect(`embedded:${directory}`, 'kill test');
const end = () => process.kill(process.pid, 'SIGKILL');
await detect(
  {
    ...store,
    run: async (sql, ...rest) => {
      if (sql.includes(`INSERT INTO ${table}`)) end();
      await store.run(sql, ...rest);
    },
    insert: async (name, rows) => {
      if (name === table) end();
      await store.insert(name, rows);
    },
  },
  (await loadRules(rules)).rules,
  { version: Number(version) },
);
await store.close();
