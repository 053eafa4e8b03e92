// Installs the npm packages when node_modules is missing or older than the lock file; otherwise does nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 20)) {
  process.stderr.write(`Vestige needs Node 20.20 or later; this is ${process.versions.node}.\n`);
  process.exit(1);
}
const stamp = 'node_modules/.package-lock.json';
const fresh = existsSync(stamp) && statSync(stamp).mtimeMs >= statSync('package-lock.json').mtimeMs;
if (!fresh) {
  process.stderr.write('Installing the npm packages (about 600 MB, most of it the database engine) ...\n');
  // not `npm ci`: it refuses a lock file that lacks optional packages of platforms the locking machine could not fetch
  execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: 'inherit' });
}
