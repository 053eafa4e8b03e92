// What the engine takes to store lines and nothing else: FILE into a one-column MergeTree in DIRECTORY.
import { Session } from 'chdb';

const [file, directory] = process.argv.slice(2);
const session = new Session(directory);
session.query('CREATE TABLE lines (line String) ENGINE = MergeTree ORDER BY tuple()');
session.query(`INSERT INTO lines SELECT line FROM file('${file}', 'LineAsString', 'line String')`);
process.stdout.write(`${session.query('SELECT count() FROM lines', 'TSV')}`);
