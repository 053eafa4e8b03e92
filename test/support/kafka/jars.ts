// The jars of a real Kafka broker, fetched once by Maven into node_modules/.cache.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const POM = resolve('test/support/kafka/pom.xml');
// Maven's first run on an empty repository fetches its plugins too: 45 MB for the broker, some 20 MB for itself.
const FETCH_MS_MAX = 300_000;

/** Why there can be no broker here, or undefined. */
export function whyNoBroker(): string | undefined {
  const missing = (program: string, flag: string) => spawnSync(program, [flag], { stdio: 'ignore' }).status !== 0;
  if (missing('java', '-version')) return 'no java on the PATH';
  if (missing('openssl', 'version')) return 'no openssl on the PATH';
  if (existsSync(jarsPlace())) return undefined;
  return missing('mvn', '--version') ? 'no mvn on the PATH, and the jars of Kafka were not fetched before' : undefined;
}

function jarsPlace(): string {
  const version = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)/.exec(readFileSync(POM, 'utf8'))?.[1];
  return resolve('node_modules/.cache', `vestige-kafka-${version}`);
}

/** The directory of the jars. Several test files may ask at once: each fetches for itself, the first one's are kept. */
export async function jarsOfKafka(): Promise<string> {
  const place = jarsPlace();
  if (existsSync(place)) return place;
  mkdirSync(dirname(place), { recursive: true });
  const fetched = mkdtempSync(`${place}-fetching-`);
  try {
    await maven(join(fetched, 'lib'));
    if (!existsSync(place)) renameSync(join(fetched, 'lib'), place);
  } catch (error) {
    if (!existsSync(place)) throw error;
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
  return place;
}

async function maven(into: string): Promise<void> {
  const args = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', `-DoutputDirectory=${into}`];
  const child = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: FETCH_MS_MAX });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const code = await new Promise((done, failed) => child.once('error', failed).once('close', done));
  if (code !== 0) throw new Error(`the jars of Kafka cannot be fetched (mvn ended with ${code}): ${said.slice(-2000)}`);
}
